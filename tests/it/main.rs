//! Integration tests, one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking, its steps too")]

mod sandbox_anthropic;
mod sandbox_codex;
mod sandbox_control;
mod sandbox_gemini;
mod sandbox_openai;
mod sandbox_openrouter;
mod sandbox_qwen;
mod sandbox_steps;
