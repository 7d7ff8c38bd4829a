//! Sign-ins that wait for a person at another screen (RFC 8628 and its relatives).

use std::collections::HashMap;

/// What the person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Open,
    Allowed(String),
    Denied,
    /// Allowed, and the tokens were handed out.
    Taken,
}

/// One sign-in that waits.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) challenge: Option<String>,
    /// When it ends, in Unix seconds.
    pub(super) ends: i64,
    pub(super) choice: Choice,
    /// How often the device has asked.
    pub(super) polls: u32,
}

/// All of them, by device code.
#[derive(Debug, Default)]
pub(super) struct Devices(HashMap<String, Device>);

impl Devices {
    /// Begins to wait.
    pub(super) fn begin(&mut self, device_code: String, device: Device) {
        self.0.insert(device_code, device);
    }

    /// Finds one by what the device holds.
    pub(super) fn find(&mut self, device_code: &str) -> Option<&mut Device> {
        self.0.get_mut(device_code)
    }

    /// Finds one that still waits by what the person types; case and punctuation do not count (RFC 8628 6.1).
    pub(super) fn waiting(&mut self, user_code: &str, now: i64) -> Option<&mut Device> {
        let wanted = plain(user_code);
        let open = |device: &&mut Device| device.choice == Choice::Open && now < device.ends;
        self.0.values_mut().filter(open).find(|device| plain(&device.user_code) == wanted)
    }
}

fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
