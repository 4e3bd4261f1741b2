//! A real Actions runner (`act`) on this checkout.
//!
//! It runs a workflow and reads what the runner reports; what that should be is up to the cases.
