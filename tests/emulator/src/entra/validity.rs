//! Whether an assertion is used within its time, whoever signed it.
//!
//! Signatures are checked in `key` and `certificate`.

use jiff::Timestamp;
use serde_json::Value;

use super::error::TokenError;

/// How far an issuer's clock may be off, in seconds: Entra's documented five minutes.
const CLOCK_SKEW: i64 = 300;

/// Whether now is between an assertion's `nbf` and `exp`, give or take the clocks' difference.
pub(super) fn check_time(claims: &Value, now: Timestamp) -> Result<(), TokenError> {
    // Python's clients send fractions of a second.
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let now = now.as_second() as f64;
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let skew = CLOCK_SKEW as f64;
    let expired = seconds("exp").is_none_or(|expires| expires + skew <= now);
    let early = seconds("nbf").is_some_and(|begins| begins - skew > now);
    if expired || early {
        let message = "Client assertion is not within its valid time range. Current time, expiry and start \
                       of the assertion must overlap.";
        return Err(TokenError::invalid_client(700_024, message));
    }
    Ok(())
}
