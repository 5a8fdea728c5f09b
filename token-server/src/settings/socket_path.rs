//! A socket file, as people write it: `PATH?mode=0660&owner=NAME&group=NAME`.

use std::fmt;
use std::path::PathBuf;

/// A socket file, and who may connect to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketPath {
    /// Where it is.
    pub path: PathBuf,
    /// Its permissions; without them, what the umask leaves.
    pub mode: Option<u32>,
    /// Its owner, by name or number.
    pub owner: Option<String>,
    /// Its group, by name or number.
    pub group: Option<String>,
}

impl SocketPath {
    /// Reads `PATH?mode=0660&owner=NAME&group=NAME`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // As a URL it has two slashes in front that are not the path's.
        let text = text.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(text);
        let (path, options) =
            text.split_once('?').map_or((text, None), |(path, options)| (path, Some(options)));
        if path.is_empty() || path.starts_with('@') || path.ends_with('/') {
            return Err("write the path of a socket file behind unix:, as in unix:/run/token.sock".into());
        }
        let mut socket = Self { path: path.into(), ..Self::default() };
        for option in options.into_iter().flat_map(|options| options.split('&')) {
            let known = match option.split_once('=') {
                Some(("mode", mode)) => socket.mode.replace(permissions(mode)?).map(|_| "mode"),
                Some(("owner", name)) if !name.is_empty() => {
                    socket.owner.replace(name.into()).map(|_| "owner")
                }
                Some(("group", name)) if !name.is_empty() => {
                    socket.group.replace(name.into()).map(|_| "group")
                }
                _ => {
                    return Err("a socket file has the options mode, owner and group: \
                                unix:PATH?mode=0660&owner=USER&group=GROUP"
                        .into());
                }
            };
            if let Some(twice) = known {
                return Err(format!("a socket file has the option {twice} once"));
            }
        }
        Ok(socket)
    }
}

fn permissions(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && text.len() >= 3);
    mode.ok_or_else(|| "write the mode as three octal digits, like 0660".into())
}

/// As it can be read again.
impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.path.display())?;
        let mode = self.mode.map(|mode| format!("mode={mode:04o}"));
        let owner = self.owner.as_ref().map(|name| format!("owner={name}"));
        let group = self.group.as_ref().map(|name| format!("group={name}"));
        let options: Vec<_> = mode.into_iter().chain(owner).chain(group).collect();
        if options.is_empty() { Ok(()) } else { write!(f, "?{}", options.join("&")) }
    }
}
