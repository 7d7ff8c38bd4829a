//! `llxprt sandbox`: serves the pretend providers for other programs.

use llxprt_commands::SandboxArgs;

use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::sandbox::{Options, Sandbox};

/// Serves until Ctrl-C, and prints one line of JSON that says where.
pub(super) fn serve(run: &Run, args: &SandboxArgs) -> Outcome {
    let SandboxArgs { port } = args;
    let options = Options { port: port.unwrap_or(0), ttl: run.flags.ttl, ..Options::default() };
    run.wait(async {
        let sandbox = Sandbox::start(options)
            .await
            .map_err(|e| Failure::new(Code::Port, format!("The sandbox cannot listen: {e}.")))?;
        run.ui.document(&sandbox.describe());
        std::future::pending::<()>().await;
        drop(sandbox);
        Ok(())
    })
}
