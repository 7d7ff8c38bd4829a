//! Carrying a link to another device: the clipboard through the terminal, a QR code.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::QrCode;
use qrcode::render::unicode;

use super::Ui;

impl Ui {
    /// Asks the terminal to copy a text (OSC 52). Whether it did cannot be known.
    pub fn copy(&self, text: &str) {
        if !self.terminal || self.plain {
            return self.say("This terminal cannot copy: mark the link above.");
        }
        let coded = STANDARD.encode(text);
        // As it is: the wish for no colours would take it for one.
        super::after(write!(std::io::stdout(), "\x1b]52;c;{coded}\x07"), true);
        self.say("Asked the terminal to copy the link. If it did not, mark it above.");
    }

    /// Shows a text as a QR code, where the terminal is wide enough.
    pub fn qr(&self, text: &str) {
        let Ok(code) = QrCode::with_error_correction_level(text, qrcode::EcLevel::L) else {
            return self.say("The link is too long for a QR code.");
        };
        // Two modules of height in a line of text, and the quiet zone of four modules that readers want.
        let columns = code.width() + 8;
        // Below it stands the prompt again.
        let rows = columns.div_ceil(2) + 1;
        if self.plain || !self.terminal {
            return self.say("A QR code needs a terminal that is not plain.");
        }
        let (width, height) = (self.width(), self.height());
        if width < columns || height < rows {
            return self.say(&format!(
                "A QR code of this link needs {columns} columns and {rows} rows; this terminal has {width} and {height}."
            ));
        }
        let (dark, light) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
        self.say(&code.render::<unicode::Dense1x2>().dark_color(dark).light_color(light).build());
    }
}
