//! What a failed command says, and with which code it ends.

use std::process::ExitCode;

use headcount_service::manage::ManageError;
use headcount_store::StoreError;

/// 2 for input that is not acceptable (as clap has it for usage), 3 for what is not there, 4 for
/// what is not allowed, 1 for the rest.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    let code = match error.downcast_ref::<ManageError>() {
        Some(ManageError::Invalid(_)) => 2,
        Some(ManageError::NotFound(_)) => 3,
        Some(ManageError::Taken(_)) => 4,
        _ => 1,
    };
    ExitCode::from(code)
}

/// The error and its causes in one line.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    // A cause may repeat what its effect says, and libraries end lines as they like.
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if parts.iter().all(|part| !part.contains(&text)) {
            parts.push(text);
        }
    }
    let advice = match error.downcast_ref::<ManageError>() {
        Some(ManageError::Store(StoreError::Busy(_))) => "; nothing was changed, so run the command again",
        Some(ManageError::Store(StoreError::Unknown(_))) => "; look whether it was done before you run it again",
        _ => "",
    };
    parts.join(": ") + advice
}

/// Whether standard output was closed by whoever read it.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
