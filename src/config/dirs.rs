//! The folders of design 4.4, worked out from the environment alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::BaseDirs;

/// Where everything of ours lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// Settings, profiles, providers.
    pub config: PathBuf,
    /// The index of accounts, sealed secrets, the vault key, locks, history.
    pub data: PathBuf,
    /// What can be fetched again.
    pub cache: PathBuf,
    /// The log.
    pub log: PathBuf,
    /// The data folder was set by a variable of ours, so it does not share the keyring by default.
    pub overridden: bool,
    /// The data folder of this platform when no variable of ours is set; the keyring is shared by all who use it.
    pub platform_data: Option<PathBuf>,
}

/// Reads one variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

const NAME: &str = "llxprt-code";
const CONFIG: &str = "LLXPRT_CONFIG_HOME";

impl Dirs {
    /// Works out the folders from variables and the platform's places; touches no disk.
    ///
    /// # Errors
    /// A sentence when a variable of ours is not an absolute path, or there is no home folder to fall back to.
    pub fn from_env(env: Env<'_>) -> Result<Self, String> {
        Self::resolve(env, platform(env))
    }

    /// All four folders below one, as `LLXPRT_CONFIG_HOME` alone would set them but apart from each other.
    pub fn below(root: &Path) -> Self {
        Self {
            config: root.join("config"),
            data: root.join("data"),
            cache: root.join("cache"),
            log: root.join("log"),
            overridden: true,
            platform_data: None,
        }
    }

    fn resolve(env: Env<'_>, platform: Option<Places>) -> Result<Self, String> {
        let common = ours(env, CONFIG)?;
        let chosen = |name| Ok::<_, String>(ours(env, name)?.or_else(|| common.clone()));
        let (data, cache, log) =
            (chosen("LLXPRT_DATA_HOME")?, chosen("LLXPRT_CACHE_HOME")?, chosen("LLXPRT_LOG_HOME")?);
        let overridden = data.is_some();
        let platform_data = platform.as_ref().map(|p| p.data.clone());
        if let (Some(config), Some(data), Some(cache), Some(log)) = (&common, &data, &cache, &log) {
            let (config, data, cache, log) = (config.clone(), data.clone(), cache.clone(), log.clone());
            return Ok(Self { config, data, cache, log, overridden, platform_data });
        }
        let Some(places) = platform else {
            return Err(format!("There is no home folder: set HOME, or {CONFIG} to an absolute path."));
        };
        Ok(Self {
            config: common.unwrap_or(places.config),
            data: data.unwrap_or(places.data),
            cache: cache.unwrap_or(places.cache),
            log: log.unwrap_or(places.log),
            overridden,
            platform_data,
        })
    }
}

/// Reads a variable of ours; an empty one counts as not set, as in the XDG base directory specification.
fn ours(env: Env<'_>, name: &str) -> Result<Option<PathBuf>, String> {
    let Some(value) = env(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let path = PathBuf::from(value);
    if path.is_absolute() {
        Ok(Some(path))
    } else {
        Err(format!("{name} is \"{}\", but it must be an absolute path.", path.display()))
    }
}

/// The folders of this platform, ours already appended.
#[derive(Debug, Clone)]
struct Places {
    config: PathBuf,
    data: PathBuf,
    cache: PathBuf,
    log: PathBuf,
}

/// By the XDG base directory specification: a variable counts only when it is an absolute path.
#[cfg(not(any(target_os = "macos", windows)))]
fn platform(env: Env<'_>) -> Option<Places> {
    let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // Without HOME the account database knows the home folder.
    let home = absolute("HOME").or_else(|| BaseDirs::new().map(|base| base.home_dir().to_owned()));
    let place = |name, below: &str| Some(absolute(name).or_else(|| Some(home.as_ref()?.join(below)))?.join(NAME));
    Some(Places {
        config: place("XDG_CONFIG_HOME", ".config")?,
        data: place("XDG_DATA_HOME", ".local/share")?,
        cache: place("XDG_CACHE_HOME", ".cache")?,
        log: place("XDG_STATE_HOME", ".local/state")?,
    })
}

/// `ProjectDirs` would append parts of its own on Windows, so the base folders are taken.
#[cfg(any(target_os = "macos", windows))]
fn platform(_env: Env<'_>) -> Option<Places> {
    let base = BaseDirs::new()?;
    #[cfg(target_os = "macos")]
    let log = base.home_dir().join("Library/Logs").join(NAME);
    #[cfg(windows)]
    let log = base.data_local_dir().join(NAME).join("log");
    Some(Places {
        config: base.preference_dir().join(NAME),
        data: base.data_dir().join(NAME),
        cache: base.cache_dir().join(NAME),
        log,
    })
}

#[cfg(test)]
#[cfg(not(any(target_os = "macos", windows)))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn dirs(variables: &[(&str, &str)]) -> Result<Dirs, String> {
        let map: BTreeMap<_, _> = variables.iter().copied().collect();
        let env = |name: &str| map.get(name).map(OsString::from);
        Dirs::resolve(&env, platform(&env))
    }

    fn table(variables: &[(&str, &str)]) -> [String; 5] {
        let d = dirs(variables).unwrap();
        let text = |p: PathBuf| p.display().to_string();
        [text(d.config), text(d.data), text(d.cache), text(d.log), d.overridden.to_string()]
    }

    #[test]
    fn without_variables_the_folders_are_those_of_the_platform() {
        assert_eq!(
            table(&[("HOME", "/home/you")]),
            [
                "/home/you/.config/llxprt-code",
                "/home/you/.local/share/llxprt-code",
                "/home/you/.cache/llxprt-code",
                "/home/you/.local/state/llxprt-code",
                "false"
            ]
        );
    }

    #[test]
    fn xdg_variables_count_when_absolute_and_are_ignored_when_not() {
        let home = ("HOME", "/h");
        assert_eq!(
            table(&[home, ("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d"), ("XDG_STATE_HOME", "/s")]),
            ["/c/llxprt-code", "/d/llxprt-code", "/h/.cache/llxprt-code", "/s/llxprt-code", "false"]
        );
        assert_eq!(
            table(&[home, ("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "")])[1..3],
            ["/h/.local/share/llxprt-code", "/h/.cache/llxprt-code"]
        );
    }

    #[test]
    fn variables_of_ours_win_and_are_taken_as_they_are() {
        let all = [
            ("HOME", "/h"),
            ("XDG_DATA_HOME", "/d"),
            ("LLXPRT_CONFIG_HOME", "/a"),
            ("LLXPRT_DATA_HOME", "/b"),
            ("LLXPRT_CACHE_HOME", "/c"),
            ("LLXPRT_LOG_HOME", "/l"),
        ];
        assert_eq!(table(&all), ["/a", "/b", "/c", "/l", "true"]);
    }

    #[test]
    fn the_last_three_fall_back_to_the_first() {
        assert_eq!(table(&[("HOME", "/h"), (CONFIG, "/a")]), ["/a", "/a", "/a", "/a", "true"]);
        assert_eq!(table(&[(CONFIG, "/a"), ("LLXPRT_LOG_HOME", "/l")]), ["/a", "/a", "/a", "/l", "true"]);
    }

    #[test]
    fn the_first_does_not_fall_back_to_the_others_and_only_data_counts_as_overridden() {
        let log = table(&[("HOME", "/h"), ("LLXPRT_LOG_HOME", "/l")]);
        assert_eq!((log[0].as_str(), log[3].as_str(), log[4].as_str()), ("/h/.config/llxprt-code", "/l", "false"));
        let data = table(&[("HOME", "/h"), ("LLXPRT_DATA_HOME", "/d")]);
        assert_eq!((data[1].as_str(), data[4].as_str()), ("/d", "true"));
    }

    #[test]
    fn a_relative_path_in_a_variable_of_ours_is_an_error_and_an_empty_one_is_not_set() {
        for name in [CONFIG, "LLXPRT_DATA_HOME", "LLXPRT_CACHE_HOME", "LLXPRT_LOG_HOME"] {
            let said = dirs(&[("HOME", "/h"), (name, "some/where")]).unwrap_err();
            assert_eq!(said, format!("{name} is \"some/where\", but it must be an absolute path."));
        }
        assert_eq!(table(&[("HOME", "/h"), ("LLXPRT_DATA_HOME", "")])[4], "false");
    }

    #[test]
    fn the_data_folder_of_the_platform_stays_known_beside_another_one() {
        let known = dirs(&[("HOME", "/h"), ("LLXPRT_DATA_HOME", "/d")]).unwrap().platform_data;
        assert_eq!(known.unwrap(), Path::new("/h/.local/share/llxprt-code"));
    }

    #[test]
    fn without_any_home_the_sentence_says_what_to_set_unless_all_four_are_set() {
        let none = |_: &str| None;
        let said = Dirs::resolve(&none, None).unwrap_err();
        assert_eq!(said, "There is no home folder: set HOME, or LLXPRT_CONFIG_HOME to an absolute path.");
        let all = |name: &str| (name == CONFIG).then(|| OsString::from("/a"));
        assert_eq!(Dirs::resolve(&all, None).unwrap().platform_data, None);
    }
}
