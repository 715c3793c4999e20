//! The language of messages.

/// The language that a caller asks for with `X-TC-Language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Language {
    /// English, `en-US`.
    #[default]
    En,
    /// Chinese, `zh-CN`.
    Zh,
}

impl Language {
    /// Reads `X-TC-Language` (or the common parameter `Language`). Whatever is not `zh-CN` is English.
    pub fn from_header(value: &str) -> Self {
        if value.trim().eq_ignore_ascii_case("zh-CN") { Self::Zh } else { Self::En }
    }
}
