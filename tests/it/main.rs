//! Integration tests, one binary.

mod sandbox_anthropic;
mod sandbox_control;
mod sandbox_steps;
