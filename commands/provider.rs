//! `/provider`, `/model`, `/baseurl`: who answers.

use clap::Args;

use crate::Provider;
use crate::key::none_in_any_case;
use crate::words::Words;

/// `/provider [NAME]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ProviderChoice {
    /// The provider; shown when absent
    #[arg(value_name = "provider")]
    pub name: Option<Provider>,
}

/// `/model [NAME]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Model {
    /// The model; shown when absent
    #[arg(id = "model", value_name = "model")]
    pub name: Option<String>,
}

/// `/baseurl [URL|none]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Baseurl {
    /// The URL, or `none`; shown when absent
    #[arg(value_name = "url|none", value_parser = none_in_any_case)]
    pub url: Option<String>,
}

impl ProviderChoice {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("provider");
        words.values(&self.name);
        words
    }
}

impl Model {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("model");
        words.values(&self.name);
        words
    }
}

impl Baseurl {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("baseurl");
        words.values(&self.url);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::tests::{command, refused};

    #[test]
    fn providers_ignore_case_and_models_keep_it() {
        let name = Some("codex".parse().unwrap());
        assert_eq!(command("/provider CODEX"), Command::Provider(ProviderChoice { name }));
        assert_eq!(command("/model Org/Large-5"), Command::Model(Model { name: Some("Org/Large-5".into()) }));
        assert_eq!(command("/model"), Command::Model(Model { name: None }));
    }

    #[test]
    fn a_base_url_can_be_none() {
        assert_eq!(command("/baseurl None"), Command::Baseurl(Baseurl { url: Some("none".into()) }));
        let url = "https://api.example.com/v1";
        assert_eq!(command(&format!("/baseurl {url}")), Command::Baseurl(Baseurl { url: Some(url.into()) }));
        assert_eq!(refused("/baseurl a b").message, "\"b\" is one word too many.");
    }
}
