//! What a publish costs in requests: as many questions for 64 disks as for 2, and never more than Azure allows.
//!
//! A long list has more pages; the further pages of a list are counted apart from questions.
//!
//! How long it takes is measured by `cargo xtask bench publish`; no test asserts a time.

use azure_emulator::{journal::Entry, seed::Seed};
use serde_json::{Value, json};

use crate::{publish, support::Azure};

/// Pauses vary at random, so the number of looks at one operation varies by a few.
const JITTER: usize = 6;

/// The requests of a good publish of a machine with so many data disks, at the durations of Azure.
struct Cost {
    questions: usize,
    writes: usize,
    refused: usize,
}

impl Cost {
    async fn of(data_disks: usize) -> Self {
        let mut seed: Value = serde_json::from_str(Seed::example_text()).unwrap();
        let disk = |lun| json!({"lun": lun, "sizeGB": 64, "sku": "Premium_LRS", "caching": "ReadOnly"});
        seed["vms"][0]["dataDisks"] = (0..data_disks).map(disk).collect();
        let azure = Azure::with_seed(&Seed::parse(&seed.to_string()).unwrap());
        publish::run(&azure, &publish::settings()).await.unwrap();
        let journal = azure.journal();
        let writes = azure.writes().len();
        let is_further_page = |entry: &&Entry| entry.query.to_string().to_lowercase().contains("skiptoken");
        Self {
            questions: journal.len() - writes - journal.iter().filter(is_further_page).count(),
            writes,
            refused: journal.iter().filter(|entry| entry.status == Some(429)).count(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn questions_do_not_grow_with_the_disks() {
    let (few, many) = (Cost::of(2).await, Cost::of(64).await);
    let more = many.questions.abs_diff(few.questions);
    assert!(
        more <= JITTER,
        "{} questions with 64 disks, {} with 2",
        many.questions,
        few.questions
    );
    assert_eq!(many.writes - few.writes, 2 * 62, "a snapshot is made and removed");
    assert_eq!((few.refused, many.refused), (0, 0));
}
