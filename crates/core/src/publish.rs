//! ★ Flow 1, from a machine to an image version: observe → plan → carry out → report.
//!
//! A run asks in rounds which steps are left, from what is there (`next`), carries out the first ones side by side
//! (`carry`), and looks again. So it can go back: what vanished is made again, a number that another run took is followed
//! by the next. There is no state file, and a run that was killed anywhere is finished by running it again. A version
//! that is there already goes the same way: it only lacks fewer steps.

mod adopt;
mod before;
mod bodies;
mod boot;
mod capabilities;
mod carry;
mod check;
mod checks;
mod claim;
mod cleanup;
mod cost;
mod definition;
mod details;
mod followers;
mod keys;
mod layout;
mod lines;
mod machine;
mod making;
mod next;
mod number;
mod observe;
mod origin;
mod outlook;
mod places;
mod plan;
mod prepare;
mod regions;
mod removal;
mod report;
mod rights;
mod security;
mod source;
mod step;
mod stopped;
mod testing;
mod unused;
mod way;

use std::collections::BTreeMap;

use self::{
    carry::{Journey, Reached, Work, carry_out},
    next::{Batch, Stage},
    number::Number,
    observe::Seen,
    plan::{Goal, Numbers},
    report::Ending,
};
pub use self::{
    check::Check,
    checks::CHECK_NAMES,
    cost::{Stored, StoredCost, StoredRegion},
    origin::NodeAgent,
    report::{Outcome, PublishPlan, Published, PublishedRegion},
    step::Step,
};
use crate::{
    client::Client,
    error::{Error, ErrorKind, Result},
    mount,
    plan::{Course, Ended, Kept, Plan},
    progress::Place,
    settings::{Checked, EndsWhen, Latest, PublishSettings},
};

/// How often a part of a publish is begun before a run gives up on it: other runs may take a number, or remove what this
/// one needs, but not for ever.
const MAX_ROUNDS: u32 = 6;

/// The pause after a round that reached nothing.
const AFTER_NOTHING: std::time::Duration = std::time::Duration::from_secs(5);

/// Publishes. The report says how long each step took and what is left, however the run ended.
pub async fn run(client: &Client, settings: &Checked<PublishSettings>) -> Ended<Published, Course> {
    let mut kept = Vec::new();
    if settings.version_settings.latest == Latest::Admit
        && let Err(error) = announce_followers(client, settings).await
    {
        return Ended {
            result: Err(error.in_flow(lines::cannot(settings))),
            report: Course::default(),
        };
    }
    // The whole flow is a big state machine; whoever waits for it should not have to carry it.
    let published = Box::pin(publish(client, settings, &mut kept)).await;
    let result = published.map_err(|error| error.in_flow(lines::cannot(settings)));
    let steps = client.run().steps();
    Ended {
        result,
        report: Course { steps, kept },
    }
}

/// Says which pools will take the version by themselves.
async fn announce_followers(client: &Client, settings: &PublishSettings) -> Result<()> {
    let look = followers::look(client, &settings.definition);
    for line in client
        .run()
        .step("followers", "looking for pools that follow the definition", look)
        .await?
    {
        client.warn(line);
    }
    Ok(())
}

/// Says what [`run`] would do; writes nothing.
///
/// # Errors
/// As [`run`], for what can be known without writing.
pub async fn plan(client: &Client, settings: &Checked<PublishSettings>) -> Result<PublishPlan> {
    let followers = followers::look(client, &settings.definition).await?;
    let holder = holder(settings);
    let work = Work {
        client,
        settings,
        holder: &holder,
    };
    let skipped = before::require_one_tenant(client, settings).await?;
    let seen = observe(work).await?;
    let goal = plan::decide(settings, &seen, &Numbers::default())?;
    lines::caveats(client, settings, &seen, &goal);
    if let (Some(test), Some(account)) = (goal.test_due(seen.version(&goal.version)), &seen.tester) {
        testing::require_identities(client, test).await?;
        testing::check_room(client, account, test).await?;
    }
    let batches = next::batches(work.asking(), &seen, &goal)?;
    let left = match settings.ends {
        EndsWhen::Complete => Vec::new(),
        EndsWhen::Accepted => next::left(&batches, &goal, seen.version(&goal.version)),
    };
    let mut steps = next::plan(batches);
    if !steps.is_done() {
        let needed = (steps.steps.as_slice(), skipped);
        steps.facts = outlook::facts(client, settings, (&seen, &goal), needed).await?;
    }
    let stored = Stored::new(seen.machine.size_gib(), goal.needs());
    let cost = settings.prices.as_ref().map(|prices| {
        let version = seen.version(&goal.version);
        StoredCost::new((settings, prices), (&seen.machine, &goal, version), &stored)
    });
    Ok(PublishPlan {
        left,
        steps,
        base_image: seen.base.as_ref().map(ToString::to_string),
        node_agent: seen.agents.inferred.clone(),
        checks: seen.checks.clone(),
        replicas: goal.formulas(),
        stored,
        cost,
        end_of_life: goal.details.end_of_life,
        permanent: lines::permanent(settings, &seen, &goal),
        followers,
        mount_script: mount::script(&seen.machine.os_type, &seen.machine.luns()),
        version: goal.version,
    })
}

async fn publish(client: &Client, settings: &PublishSettings, kept: &mut Vec<Kept>) -> Result<Published> {
    let holder = holder(settings);
    let work = Work {
        client,
        settings,
        holder: &holder,
    };
    let what = format!("looking at {}", settings.source);
    let look = async {
        Ok::<_, Error>((
            before::require_one_tenant(client, settings).await?,
            observe(work).await?,
        ))
    };
    let (skipped, seen) = client.run().step("source", what, look).await?;
    before::tell_skipped(client, &skipped);
    let goal = plan::decide(settings, &seen, &Numbers::default())?;
    lines::announce(client, settings, &seen, &goal);
    require(work, &seen, &goal).await?;
    let mut journey = Journey {
        seen,
        goal,
        has_begun: false,
        numbers: Numbers::default(),
        kept: Vec::new(),
        test_output: None,
    };
    let reached = Box::pin(reach(work, &mut journey)).await;
    kept.append(&mut journey.kept);
    match reached {
        Ok(()) => {
            kept.extend(cleanup::staying(work.asking(), &journey.goal, &journey.seen));
            let outcome = match (journey.goal.number, journey.numbers.claimed) {
                (Number::Adopted(_), _) => Outcome::Adopted,
                (Number::New(_) | Number::Found(_), Some(_)) => Outcome::Created,
                (Number::New(_) | Number::Found(_), None) => Outcome::Found,
            };
            let ending = Ending {
                remaining: remaining(work, &journey)?,
                test_output: journey.test_output.take(),
            };
            let published = report::describe(settings, &journey.seen, &journey.goal, (outcome, ending));
            lines::tell_left(client, &published);
            Ok(published)
        }
        Err(error) => {
            let client = client.for_cleanup(cleanup::LIMIT);
            if !journey.seen.temporaries.is_empty() || journey.has_begun {
                kept.extend(cleanup::after_failure(&client, work.asking(), &journey.goal, error.kind()).await);
            } else if error.kind() == ErrorKind::Cancelled {
                client.note(stopped::BEFORE);
            }
            Err(error)
        }
    }
}

/// Requires what the steps need before the first of them: rights, registration, room for the test.
async fn require(work: Work<'_>, seen: &Seen, goal: &Goal) -> Result<()> {
    let (client, settings) = (work.client, work.settings);
    let steps = next::plan(next::batches(work.asking(), seen, goal)?).steps;
    if let Some(test) = goal.test_due(seen.version(&goal.version)) {
        // Azure may name a right to an identity that is not there as missing.
        testing::require_identities(client, test).await?;
    }
    rights::check(client, seen, goal, &steps).await?;
    if !steps.is_empty() {
        before::check_registration(client, settings).await?;
    }
    if let (Some(test), Some(account)) = (goal.test_due(seen.version(&goal.version)), &seen.tester) {
        testing::check_room(client, account, test).await?;
    }
    Ok(())
}

/// What is still to be done for the version when a run ends that does not wait for it.
fn remaining(work: Work<'_>, journey: &Journey) -> Result<Plan<Step>> {
    match work.settings.ends {
        EndsWhen::Complete => Ok(Plan::new(Vec::new())),
        EndsWhen::Accepted => Ok(next::plan(next::batches(work.asking(), &journey.seen, &journey.goal)?)),
    }
}

/// How this run is called in leases. Runs may share an id, such as the jobs of one CI run.
fn holder(settings: &PublishSettings) -> String {
    format!("{}/{:08x}", settings.run_id, fastrand::u32(..))
}

/// Looks at everything and refuses what must not be published.
async fn observe(work: Work<'_>) -> Result<Seen> {
    let (client, settings) = (work.client, work.settings);
    let mut seen = Box::pin(observe::all(client, settings)).await?;
    keys::require_sets(client, settings).await?;
    adopt::require_generalized(settings, &seen)?;
    seen.checks = checks::refuse(
        checks::with_base(
            checks::checks(&seen.machine, settings.handling()),
            (seen.base.as_ref(), seen.agents.support),
        ),
        &settings.ignore_checks,
        &client.run().progress,
    )
    .map_err(|error| error.with_kept("nothing was changed"))?;
    Ok(seen)
}

/// Carries out batch after batch until none is left.
async fn reach(work: Work<'_>, journey: &mut Journey) -> Result<()> {
    let mut rounds: BTreeMap<Stage, u32> = BTreeMap::new();
    let mut refusal: Option<Error> = None;
    // A part that was begun in Azure, and that the run does not wait for.
    let mut begun: Option<Stage> = None;
    loop {
        let goal = plan::decide(work.settings, &journey.seen, &journey.numbers)?;
        if goal.version != journey.goal.version || goal.fingerprint != journey.goal.fingerprint {
            lines::announce(work.client, work.settings, &journey.seen, &goal);
        }
        journey.goal = goal;
        let batches = next::batches(work.asking(), &journey.seen, &journey.goal)?;
        let Some(batch) = batches.first().filter(|batch| Some(batch.stage) != begun) else {
            return tidy_meanwhile(work, journey, &batches).await;
        };
        let round = rounds.entry(batch.stage).or_default();
        *round += 1;
        if *round > MAX_ROUNDS {
            return Err(refusal.unwrap_or_else(|| lines::always_again(batch, MAX_ROUNDS)));
        }
        let titled = (batch.stage.name(), lines::of_batch(batch, &journey.goal));
        let place = Some(place(&rounds, &batches));
        let client = work.client;
        match client
            .run()
            .step_at(place, titled, carry_out(work, journey, batch))
            .await?
        {
            Reached::Something => {
                refusal = None;
                begun =
                    (work.settings.ends == EndsWhen::Accepted && batch.stage >= Stage::Version).then_some(batch.stage);
            }
            Reached::Nothing(why) => {
                refusal = why.or(refusal);
                client.run().pause(AFTER_NOTHING, "another run").await?;
            }
        }
    }
}

/// Removes what was only needed on the way, where a run ends that does not wait: what Azure still needs stays.
async fn tidy_meanwhile(work: Work<'_>, journey: &mut Journey, left: &[Batch]) -> Result<()> {
    let Some(batch) = next::tidying(left) else {
        return Ok(());
    };
    let titled = (batch.stage.name(), lines::of_batch(&batch, &journey.goal));
    let tidied = carry_out(work, journey, &batch);
    work.client.run().step_at(None, titled, tidied).await.map(drop)
}

/// Which of the steps the first of these batches is; one that is done again keeps its number.
fn place(begun: &BTreeMap<Stage, u32>, left: &[Batch]) -> Place {
    let is_left = |stage: &&Stage| left.iter().any(|batch| batch.stage == **stage);
    let done = begun.keys().filter(|stage| !is_left(stage)).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        number: count(done + 1),
        of: count(done + left.len()),
    }
}
