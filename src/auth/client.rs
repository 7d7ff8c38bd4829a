//! The OAuth client that we are at a provider: the manifest's, or one of the user's own.

/// A client id and, for installed apps whose provider demands one, a secret that is none (RFC 8252 8.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Option<String>,
}
