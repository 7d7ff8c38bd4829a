//! `/provider`, `/model`, `/baseurl`: who answers.

use clap::Args;

use crate::Provider;

/// `/provider [NAME]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ProviderChoice {
    /// The provider; shown when absent
    pub name: Option<Provider>,
}

/// `/model [NAME]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Model {
    /// The model; shown when absent
    pub name: Option<String>,
}

/// `/baseurl [URL|none]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Baseurl {
    /// The URL, or `none`; shown when absent
    pub url: Option<String>,
}
