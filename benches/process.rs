//! Figures of whole processes, each beside a trivial process of the same run.
fn main() {}
