//! Results as HTML, Markdown and terminal tables.
