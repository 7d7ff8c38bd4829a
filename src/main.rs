//! The program `llxprt`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(llxprt::app::start())
}
