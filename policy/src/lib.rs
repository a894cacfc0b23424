//! What sockgate decides from.
