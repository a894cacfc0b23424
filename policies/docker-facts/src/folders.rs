//! Folders of the host that a policy may let be mounted.

/// Refuses what means nothing, or more than it says.
///
/// # Errors
/// The folder, and what is wrong with it.
pub fn judge(folders: &[String]) -> Result<(), String> {
    for folder in folders {
        let segments = folder.strip_prefix('/').unwrap_or_default().split('/');
        if segments.clone().any(|segment| matches!(segment, "" | "." | "..") || segment.contains(':')) {
            return Err(format!("{folder}: expected a folder's whole path, such as /srv/data"));
        }
        if let Some(outer) = folders.iter().find(|outer| is_below(folder, outer)) {
            return Err(format!("{folder}: who may write to {outer} can put a link in its place"));
        }
    }
    Ok(())
}

/// Whether a path is below another, by whole segments.
#[must_use]
pub fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// A list as a refusal shows it.
#[must_use]
pub fn shown(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}
