//! What a roll-out that may use a second pool has to do: looks at the family of its pool, and at the room for two.
//!
//! It writes nothing. Whether a roll-out can begin is decided in `begin`.

use super::{
    begin::{self, Fit, Reach},
    family::{self, Standing},
    stages::stages,
    surge::Surge,
};
use crate::{
    batch::{
        job,
        pool::{self, Pool, Scaling},
        resource,
    },
    client::Client,
    error::{Error, Result},
    ids::PoolId,
    judgement::{self, Tasks},
    memory::RECENT,
    rights,
    rollout::{
        counted::bare,
        decide::{self, Intent, Refusal},
        explain::{At, refused},
        observe::Site,
        pair::{PairRecord, Shift, has_family},
        record::{Record, Remembered},
        room,
        spec::{Spec, unusable},
        step::RolloutStep,
        stranded,
        tags::{self, Carried},
        verdict::Goal,
    },
    settings::{Judge, RolloutSettings, Strategy},
    watch::AccountWatch,
};

/// What there is to do.
#[derive(Debug)]
pub(in crate::rollout) struct Found {
    /// That.
    pub(in crate::rollout) what: What,
    /// Why this way, when that was to be chosen.
    pub(in crate::rollout) choice: Option<RolloutStep>,
    /// Former pools whose time is over.
    pub(in crate::rollout) expired: Vec<Pool>,
    /// Former pools without nodes, each with the pool that does its work.
    pub(in crate::rollout) former: Vec<(Pool, PoolId)>,
}

/// What there is to do.
#[derive(Debug)]
pub(in crate::rollout) enum What {
    /// One pool is brought to what was asked for.
    One(Box<RolloutSettings>),
    /// The work moves to a second pool.
    Two(Box<Two>),
}

/// Work that moves to a second pool.
#[derive(Debug)]
pub(in crate::rollout) struct Two {
    /// The former pool.
    pub(in crate::rollout) former: Pool,
    /// Its id.
    pub(in crate::rollout) former_id: PoolId,
    /// What the second pool shall be.
    pub(in crate::rollout) intent: Intent,
    /// The same as settings.
    pub(in crate::rollout) settings: RolloutSettings,
    /// The record with which it begins or goes on.
    pub(in crate::rollout) record: PairRecord,
    /// The roll-out in it.
    pub(in crate::rollout) shift: Shift,
    /// Whether it goes on.
    pub(in crate::rollout) resumes: Resumes,
    /// The tags of the former pool, which the second one gets when it is made.
    pub(in crate::rollout) tags: Carried,
}

/// Whether a roll-out goes on with what another run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumes {
    /// It is the first one, or nothing is under way.
    No,
    /// It goes on with what is under way.
    Yes,
}

/// What is looked at.
struct Looking<'a> {
    client: &'a Client,
    site: &'a Site,
    settings: &'a RolloutSettings,
    family: &'a PoolId,
    pools: &'a [Pool],
}

impl Looking<'_> {
    fn one(&self, id: &PoolId, strategy: Strategy) -> What {
        What::One(Box::new(of_pool(self.settings, id, strategy)))
    }

    /// What there is to do with the pool that does the work, and why so.
    async fn next(&self, id: &PoolId, skipped: &mut Vec<String>) -> Result<(What, Option<RolloutStep>)> {
        let (whole, spec) = self.former(id).await?;
        let is_auto = self.settings.change.strategy == Strategy::Auto;
        let goes_on = matches!(Record::of(&whole), Remembered::Change(record) if record.is_under_way());
        if is_auto && goes_on {
            return Ok((self.one(id, Strategy::InPlace), None));
        }
        if begin::fit(&spec, &whole) == Fit::Fits {
            return Ok((self.one(id, Strategy::CreateOnly), None));
        }
        match self.begin((id, &whole), &spec, skipped).await? {
            Ok(two) => {
                let choice = is_auto.then(|| chosen(id.clone(), "blue-green", why_two(&two, self.settings)));
                Ok((What::Two(Box::new(two)), choice))
            }
            Err(refusal) if is_auto => {
                let cost = why_one(&whole, self.settings);
                let why = format!("blue-green is not possible, as pool {id} {}; {cost}", refusal.why);
                Ok((
                    self.one(id, Strategy::InPlace),
                    Some(chosen(id.clone(), "in-place", why)),
                ))
            }
            Err(refusal) => Err(refused(self.at(id), refusal)),
        }
    }

    /// A pool of the account.
    fn at<'s>(&'s self, pool: &'s PoolId) -> At<'s> {
        At {
            pool,
            endpoint: &self.site.endpoint,
            account: self.site.account.as_ref(),
        }
    }

    /// The former pool as a whole, and what is asked for as if it were that pool's.
    async fn former(&self, id: &PoolId) -> Result<(Pool, Spec)> {
        let found = self.client.find(&pool::get(&self.site.endpoint, id)).await?;
        let found = found.ok_or_else(|| refused(self.at(id), decide::deleted()))?;
        let settings = of_pool(self.settings, id, Strategy::CreateOnly);
        let spec = Spec::new(&settings).map_err(|faults| unusable(id, &faults))?;
        Ok((Pool::new(found.value()), spec))
    }

    async fn begin(
        &self,
        (id, former): (&PoolId, &Pool),
        spec: &Spec,
        skipped: &mut Vec<String>,
    ) -> Result<Result<Two, Refusal>> {
        let second = match begin::second(self.settings, spec, (self.family, id)) {
            Ok(second) => second,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let schedules = self.schedules(id, skipped).await?;
        let reach = match self.site.account {
            Some(_) => Reach::ById,
            None => Reach::ByEndpoint,
        };
        let there = (&second, self.pools, schedules.as_slice());
        if let Some(refusal) = begin::refusal((self.settings, spec), (former, reach), there) {
            return Ok(Err(refusal));
        }
        let (settings, intent) = self.second(&second, former, spec);
        let goal = Goal::all(intent.goal.targets);
        let beside = room::beside(self.client, (&settings, goal), (self.site, self.pools), skipped).await?;
        let (before, tags) = (self.before(id).await?, self.tags(id).await?);
        let now = self.client.run().now();
        Ok(
            begin::shift((self.settings, spec), former, second, (beside, before, now)).map(|shift| Two {
                former: former.clone(),
                former_id: id.clone(),
                intent,
                settings,
                record: PairRecord::from(former, self.family.clone(), shift.clone()),
                shift,
                resumes: Resumes::No,
                tags,
            }),
        )
    }

    /// What the former pool's nodes have done, when the new ones are judged.
    async fn before(&self, id: &PoolId) -> Result<Option<Tasks>> {
        match self.settings.change.judging.judge {
            Judge::No => Ok(None),
            Judge::Report | Judge::Act => judgement::done_by(self.client, &self.site.endpoint, id).await.map(Some),
        }
    }

    async fn resume(&self, id: &PoolId, record: PairRecord) -> Result<Two> {
        let (former, spec) = self.former(id).await?;
        let shift = record
            .shift
            .clone()
            .ok_or_else(|| refused(self.at(id), decide::deleted()))?;
        let targets = self.settings.pool.targets.into();
        if !spec.is_roll_out(&shift.id, &former, (targets, None)) {
            let asked = Some((&spec, &former, targets));
            return Err(refused(self.at(id), begin::another(&shift, asked)));
        }
        let (settings, intent) = self.second(&shift.new, &former, &spec);
        let is_made = self.pools.iter().any(|pool| pool.is_called(&shift.new));
        let tags = match is_made {
            true => Carried::none(),
            false => self.tags(id).await?,
        };
        Ok(Two {
            former,
            former_id: id.clone(),
            intent,
            settings,
            record,
            shift,
            resumes: Resumes::Yes,
            tags,
        })
    }

    async fn tags(&self, id: &PoolId) -> Result<Carried> {
        tags::carried(self.client, self.site.account.as_ref(), id).await
    }

    /// The second pool as settings and as what is wanted. It is in the former one's network and has the former one's
    /// identities unless others are asked for.
    fn second(&self, id: &PoolId, former: &Pool, spec: &Spec) -> (RolloutSettings, Intent) {
        let mut settings = of_pool(self.settings, id, Strategy::CreateOnly);
        let network = crate::json::at(former.body(), "/networkConfiguration");
        if !network.is_null() && !settings.pool.json.contains_key("networkConfiguration") {
            let json = &mut settings.pool.json;
            json.insert("networkConfiguration".to_owned(), network.clone());
        }
        if settings.pool.parts.identities.is_empty() {
            let ids = resource::identities_of(former.body());
            settings.pool.parts.identities = ids.filter_map(|id| id.parse().ok()).collect();
        }
        settings.pool.vm_size = settings.pool.vm_size.or_else(|| former.vm_size().parse().ok());
        let intent = Intent::new(spec.twin(former, id.clone()), &settings);
        (settings, intent)
    }

    /// The schedules that make jobs on the pool.
    async fn schedules(&self, id: &PoolId, skipped: &mut Vec<String>) -> Result<Vec<String>> {
        let listed = self
            .client
            .recalling(RECENT)
            .list(&job::schedules(&self.site.endpoint))
            .await;
        match listed {
            Ok(items) => Ok(items.iter().filter_map(|item| job::schedule_on(item, id)).collect()),
            Err(error) if error.has_status(403) => {
                skipped.push(format!("job schedules on the pool: {}", rights::lack(&error)));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

/// Looks.
///
/// # Errors
/// Why a roll-out cannot begin or go on; when the account cannot be read.
pub(in crate::rollout) async fn find(
    watch: &AccountWatch<'_>,
    site: &Site,
    settings: &RolloutSettings,
    skipped: &mut Vec<String>,
) -> Result<Found> {
    let (client, look) = (watch.client(), watch.look(None).await?);
    let pools = look.pools();
    let family = family::family_of(pools, &settings.pool.id);
    let expired = family::expired(pools, &family, client.run().now()).cloned().collect();
    let looking = Looking {
        client,
        site,
        settings,
        family: &family,
        pools,
    };
    let standing = family::standing(pools, &family).map_err(|refusal| refused(looking.at(&family), refusal))?;
    let (what, choice) = match standing {
        Standing::Nothing => (looking.one(&family, Strategy::CreateOnly), None),
        Standing::UnderWay(former, record) => {
            let two = looking.resume(&id_of(former)?, *record).await?;
            (What::Two(Box::new(two)), None)
        }
        Standing::Working(former) => looking.next(&id_of(former)?, skipped).await?,
    };
    let is_of = |pool: &Pool| pool.id().is_some_and(|id| family::family_of(pools, &id) == family);
    let former = stranded::former(pools).into_iter().filter(|(pool, _)| is_of(pool));
    let former = former.map(|(pool, doer)| (pool.clone(), doer)).collect();
    Ok(Found {
        what,
        choice,
        expired,
        former,
    })
}

/// Whether the work of a pool could move to a second one, whichever strategy was asked for.
///
/// # Errors
/// When the account cannot be read, or has no room for another pool.
pub(in crate::rollout) async fn possible(
    watch: &AccountWatch<'_>,
    site: &Site,
    (settings, id): (&RolloutSettings, &PoolId),
) -> Result<Result<Two, Refusal>> {
    let look = watch.look(None).await?;
    let family = family::family_of(look.pools(), &settings.pool.id);
    let looking = Looking {
        client: watch.client(),
        site,
        settings,
        family: &family,
        pools: look.pools(),
    };
    let (whole, spec) = looking.former(id).await?;
    looking.begin((id, &whole), &spec, &mut Vec::new()).await
}

/// The same roll-out without a second pool, for the pool that does the work under the id that was given; nothing where that
/// is the pool that was looked at.
///
/// # Errors
/// `Refused` when it cannot be said which pool does the work; when the account cannot be read, or the run ends.
pub(in crate::rollout) async fn elsewhere(
    watch: &AccountWatch<'_>,
    site: &Site,
    (settings, seen): (&RolloutSettings, Option<&Pool>),
) -> Result<Option<RolloutSettings>> {
    // A pool that no move has touched does its own work.
    if seen.is_some_and(|pool| !has_family(pool)) {
        return Ok(None);
    }
    let (look, given) = (watch.look(None).await?, &settings.pool.id);
    let at = At {
        pool: given,
        endpoint: &site.endpoint,
        account: site.account.as_ref(),
    };
    let meant = family::meant(look.pools(), given).map_err(|refusal| refused(at, refusal))?;
    let is_other = !meant.as_str().eq_ignore_ascii_case(given.as_str());
    Ok(is_other.then(|| of_pool(settings, &meant, settings.change.strategy)))
}

/// The same settings for a pool of the family.
pub(in crate::rollout) fn of_pool(settings: &RolloutSettings, id: &PoolId, strategy: Strategy) -> RolloutSettings {
    let mut settings = settings.clone();
    settings.pool.json.remove("id");
    settings.pool.id = id.clone();
    settings.change.strategy = strategy;
    settings
}

fn id_of(pool: &Pool) -> Result<PoolId> {
    pool.id()
        .ok_or_else(|| Error::new(crate::error::ErrorKind::Azure, "Batch lists a pool without an id"))
}

const fn chosen(pool: PoolId, strategy: &'static str, why: String) -> RolloutStep {
    RolloutStep::ChooseStrategy { pool, strategy, why }
}

/// What two pools cost.
fn why_two(two: &Two, settings: &RolloutSettings) -> String {
    let shift = &two.shift;
    let stages = stages(shift).unwrap_or_default();
    let more = Surge::of(shift, &settings.change).nodes.total();
    let steps = match stages.len() {
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    format!(
        "there is room for {more} more nodes of {}, in {steps}, and no time without nodes; {}",
        two.former.vm_size(),
        why_one(&two.former, settings)
    )
}

/// What a change in place costs.
fn why_one(former: &Pool, settings: &RolloutSettings) -> String {
    format!(
        "in place takes no more nodes, but {} would be away until their tasks have ended and {} have started",
        bare(former.current),
        new_ones(former, settings)
    )
}

/// How many nodes come. What a formula asks for is known of a pool that follows one.
fn new_ones(former: &Pool, settings: &RolloutSettings) -> String {
    match (&settings.pool.autoscale, former.scaling) {
        (None, _) => format!("{} new ones", bare(settings.pool.targets.into())),
        (Some(_), Scaling::Auto) => format!("{} new ones (autoscale)", bare(former.targets)),
        (Some(_), Scaling::Fixed) => "as many new ones as its formula asks for".to_owned(),
    }
}
