//! What kind of failure it is, for the program that must decide: one kind, one exit code, one word for machines.
//!
//! What happened in a single case is the error's to say; here is only what each kind means.

/// What the caller can do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The settings or the thing they name are wrong; nothing was written.
    BadInput,
    /// Signing in failed: no token was given, or the service does not accept it.
    SignIn,
    /// The identity lacks a right.
    NoRights,
    /// A quota or a limit stands in the way.
    Quota,
    /// Part of what was asked for is there.
    PartlyReached,
    /// The nodes are there and bad: the same run again would change nothing.
    BadNodes,
    /// Our own deadline passed; running the same again goes on from here.
    Deadline,
    /// What was rolled out was found bad, and things are again what they were before.
    Returned,
    /// What was rolled out was found bad, and stays all the same, as was asked.
    Kept,
    /// We refuse because going on could destroy or falsify something.
    Refused,
    /// Azure refuses what was asked, after something was written or because of how things stand.
    Rejected,
    /// A policy of the organization forbids it.
    Policy,
    /// A lock protects the resource.
    Locked,
    /// Azure answered that it failed, or answered something that makes no sense.
    Azure,
    /// The request never left: no name, no route, no TLS. Nothing happened.
    NeverSent,
    /// The request left and no answer came: it may or may not have happened.
    UnknownEffect,
    /// Asked to stop.
    Cancelled,
}

/// The process exit codes that both binaries share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::BadInput,
        Self::SignIn,
        Self::NoRights,
        Self::Quota,
        Self::PartlyReached,
        Self::BadNodes,
        Self::Deadline,
        Self::Returned,
        Self::Kept,
        Self::Refused,
        Self::Rejected,
        Self::Policy,
        Self::Locked,
        Self::Azure,
        Self::NeverSent,
        Self::UnknownEffect,
        Self::Cancelled,
    ];

    /// The exit code: 0 reached, 2 bad input, 3 sign-in failed or no rights, 4 quota or limit, 5 partly reached, or found bad and kept,
    /// 6 deadline (resumable), 7 refused, by us for safety or by Azure for good, or nodes that are bad: the same again
    /// would end the same, 8 Azure failed or could not be reached, 9 found bad and brought back, 130 cancelled.
    #[must_use]
    pub const fn exit_code(self) -> ExitCode {
        ExitCode(match self {
            Self::BadInput => 2,
            Self::SignIn | Self::NoRights => 3,
            Self::Quota => 4,
            Self::PartlyReached | Self::Kept => 5,
            Self::Deadline => 6,
            Self::BadNodes | Self::Refused | Self::Rejected | Self::Policy | Self::Locked => 7,
            Self::Azure | Self::NeverSent | Self::UnknownEffect => 8,
            Self::Returned => 9,
            Self::Cancelled => 130,
        })
    }

    /// What it means, in sentences for the page that errors link to.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::BadInput => "An option is wrong, or Azure does not know what it names. Nothing was written.",
            Self::SignIn => "No token was given, or a service does not accept it.",
            Self::NoRights => {
                "The identity may not do what the run needs. The text names the right and where it is missing."
            }
            Self::Quota => "A quota or a limit of Azure is reached: cores, pools, addresses.",
            Self::PartlyReached => "Part of what was asked for is there, such as some of the nodes, but not enough.",
            Self::BadNodes => {
                "The nodes are there and cannot be used: through their start task, their image, or something that befell them."
            }
            Self::Deadline => "The time that `deadline` gives to the whole run was over. What was begun is kept.",
            Self::Returned => "The image was found bad, and things are again what they were before.",
            Self::Kept => "The image was found bad, and the pool stays as it is, as was asked for.",
            Self::Refused => "This program does not do it, because it could destroy or falsify something.",
            Self::Rejected => "Azure refuses it as things stand, or after something was written.",
            Self::Policy => "An Azure Policy of your organization forbids it.",
            Self::Locked => "A lock on the resource or its group forbids the change.",
            Self::Azure => "Azure failed, or answered something that makes no sense.",
            Self::NeverSent => {
                "Azure could not be reached: no name, no route, or a certificate that is not trusted. Nothing happened."
            }
            Self::UnknownEffect => {
                "The connection broke after the request was sent, so it is not known whether Azure acted on it."
            }
            Self::Cancelled => "The run was asked to stop, and stopped where that is safe.",
        }
    }

    /// A word for machines, stable across releases.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadInput => "bad-input",
            Self::SignIn => "sign-in-failed",
            Self::NoRights => "no-rights",
            Self::Quota => "quota",
            Self::PartlyReached => "partly-reached",
            Self::BadNodes => "bad-nodes",
            Self::Deadline => "deadline",
            Self::Returned => "returned",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Policy => "policy",
            Self::Locked => "locked",
            Self::Azure => "azure-failed",
            Self::NeverSent => "never-sent",
            Self::UnknownEffect => "unknown-effect",
            Self::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = ErrorKind::ALL.map(|kind| kind.exit_code().0);
        assert_eq!(codes, [2, 3, 3, 4, 5, 7, 6, 9, 5, 7, 7, 7, 7, 8, 8, 8, 130]);
    }
}
