//! What a policy has to know about Docker, and would get wrong if it looked for itself.
//!
//! - [`escapes()`]: by which channels a body gets at the host. What is not known here counts as one.
//! - [`mounts()`]: what a container or a service has mounted, by whichever way.
//! - [`Image`]: the registry, the repository, the tag and the digest of an image's name, as the engine completes it.
//! - [`labels()`]: the labels of what a body makes.
//!
//! Everything is a function of its arguments; what has to be asked of the engine is asked by way of [`Judge`].

mod bodies;
mod escapes;
pub mod folders;
mod image;
mod labels;
mod mounts;
mod names;

pub use escapes::{Judge, escapes, operations, operations_with_body};
pub use image::Image;
pub use labels::labels;
pub use mounts::{Mount, mounts};
