//! Real Packer with our plugin installed, in a home of its own.
//!
//! It writes templates and runs commands; what Packer should say is up to the cases.
