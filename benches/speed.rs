//! Times of single functions.

fn main() {
    divan::main()
}
