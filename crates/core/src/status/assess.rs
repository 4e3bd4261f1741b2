//! What follows from what was seen: how far behind, what ends when, what to act on. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    base,
    catalogue::Catalogue,
    leftover::{self, LeftJobs},
    managed::ManagedPools,
    notes::notes,
    report::{
        AutoscaleStatus, BaseStatus, ChangeStatus, Finding, FormerStatus, ImageStatus, NodesStatus, PoolStatus,
        Retirement, SCHEMA, StatusReport,
    },
};
use crate::{
    batch::{
        autoscale,
        image::{MarketplaceImage, PoolImage},
        job::Job,
        node::Outlook,
        pool::{Pool, PoolLife},
        supported::{Supported, end_of_agent, end_of_image, for_image},
        upgrade,
    },
    clock::to_second,
    compute::{marketplace, soft_deleted::Phase, version::ImageVersion},
    estate::{Estate, NodeImages, SeenAccount, SeenPool},
    expiry::Lifetime,
    ids::{Location, PoolId, VersionNumber, resource::ImageVersionId},
    json,
    listing::Unseen,
    options::{
        fleet::ANY_POOL,
        pool::{ACCOUNT, ACCOUNT_ENDPOINT, POOL_ID},
    },
    rollout::{self, MadeBy, Returns, Successor},
    tags::POOL_MARK,
    typing::Command,
    versions,
};

const SECONDS_A_DAY: i64 = 24 * 3600;

/// From when on an end counts, and when it is looked.
#[derive(Clone, Copy)]
pub(super) struct Horizon {
    /// Now.
    pub(super) now: Timestamp,
    /// How far ahead.
    pub(super) within_days: u32,
}

/// The versions of a pool's definition, seen from its region.
struct Line<'a> {
    versions: &'a [ImageVersion],
    location: Option<&'a Location>,
}

/// One pool with what is known of its image.
struct Subject<'a> {
    account: &'a SeenAccount,
    seen: &'a SeenPool,
    catalogue: &'a Catalogue,
    managed: &'a ManagedPools<'a>,
    line: Option<Line<'a>>,
}

impl Line<'_> {
    fn find(&self, number: VersionNumber) -> Option<&ImageVersion> {
        let is_it = |version: &&ImageVersion| version.id.number() == Some(number);
        self.versions.iter().find(is_it)
    }

    /// The numbers that a pool in that region can get.
    fn open(&self) -> impl Iterator<Item = VersionNumber> {
        let open = self
            .versions
            .iter()
            .filter(|version| version.can_be_latest(self.location));
        open.filter_map(|version| version.id.number())
    }
}

impl<'a> Subject<'a> {
    fn new(
        account: &'a SeenAccount,
        seen: &'a SeenPool,
        (catalogue, managed): (&'a Catalogue, &'a ManagedPools<'a>),
    ) -> Self {
        let versions = seen.image.definition().and_then(|id| catalogue.versions.get(&id));
        Self {
            account,
            seen,
            catalogue,
            managed,
            line: versions.map(|versions| Line {
                versions,
                location: account.location.as_ref(),
            }),
        }
    }

    fn text(&self, pointer: &str) -> &'a str {
        json::text(self.seen.pool.body(), pointer).unwrap_or_default()
    }

    fn agent(&self) -> &'a str {
        self.text("/virtualMachineConfiguration/nodeAgentSKUId")
    }

    /// The number of the version that the pool names.
    fn number(&self) -> Option<VersionNumber> {
        match &self.seen.image {
            PoolImage::Version(id) => id.number(),
            _ => None,
        }
    }

    fn status(&self, horizon: Horizon) -> PoolStatus {
        let (image, retirements) = (self.image(), self.retirements());
        let created = json::time(self.seen.pool.body(), "/creationTime");
        PoolStatus {
            account: self.account.title(),
            account_id: self.account.id.clone(),
            region: self.account.location.clone(),
            pool: self.seen.id.clone(),
            state: match self.seen.pool.life {
                PoolLife::Deleting => "deleting".to_owned(),
                PoolLife::Active => self.seen.pool.allocation.to_string(),
            },
            vm_size: self.text("/vmSize").to_owned(),
            nodes: nodes(self.seen),
            autoscale: autoscale_status(&self.seen.pool),
            node_agent_sku: self.agent().to_owned(),
            ours: self.seen.pool.metadata(POOL_MARK).is_some(),
            created: created.map(to_second),
            age_days: created.map(|created| days(created, horizon.now)),
            findings: self.findings(&image, &retirements, horizon),
            image,
            next: self.next(horizon.now),
            expires: Lifetime::of(&self.seen.pool).end(),
            change: self.change(),
            former: self.successor().map(|it| FormerStatus {
                successor: it.pool,
                kept_until: it.kept_until,
                made_by: it.former_made_by,
            }),
            retirements,
        }
    }

    /// The pool that does its work, when it is a former one.
    fn successor(&self) -> Option<Successor> {
        rollout::successor(&self.seen.pool)
    }

    /// The change that has not come to its end, with the jobs that it holds.
    fn change(&self) -> Option<ChangeStatus> {
        let mut change = rollout::under_way(&self.seen.pool)?;
        if change.former_image.as_deref().is_some_and(|image| self.is_gone(image)) {
            change.returns = Returns::Not;
        }
        let held = |jobs: &[Job]| -> Vec<String> {
            let second = change.new_pool.as_ref();
            let is_of = |job: &&Job| job.is_on(&self.seen.id) || second.is_some_and(|pool| job.is_on(pool));
            let held = jobs.iter().filter(is_of).filter(|job| rollout::is_held(job));
            held.map(|job| job.id.clone()).collect()
        };
        let held_jobs = self.jobs().map(held);
        Some(ChangeStatus { change, held_jobs })
    }

    /// The jobs of its account that are not over; nothing where they were not read.
    fn jobs(&self) -> Option<&'a [Job]> {
        self.catalogue.jobs.get(&self.account.endpoint).map(Vec::as_slice)
    }

    /// The jobs that no change holds any more and that are still disabled, or that a former pool never runs.
    fn left_jobs(&self) -> LeftJobs {
        let schedules = self.catalogue.schedules.get(&self.account.endpoint);
        let schedules = schedules.map_or(&[][..], Vec::as_slice);
        leftover::of(self.account, self.seen, (self.jobs().unwrap_or_default(), schedules))
    }

    /// Whether a version is neither in its definition nor kept so that it can be used, as far as that was read.
    fn is_gone(&self, image: &str) -> bool {
        let Ok(id) = image.parse::<ImageVersionId>() else {
            return false;
        };
        let versions = self.catalogue.versions.get(&id.definition());
        let deleted = self.catalogue.deleted.get(&id.definition());
        let is_kept = deleted.is_some_and(|all| all.iter().any(|one| Some(one.number) == id.number()));
        !is_kept && versions.is_some_and(|all| all.iter().all(|version| version.id != id))
    }

    /// What roll-outs have left to act on.
    fn left_by_roll_outs(&self) -> Vec<Finding> {
        let unfinished = self.change().map(|it| Finding::Unfinished {
            held_jobs: it.held_jobs.map(|jobs| jobs.len()),
            change: it.change,
        });
        let empty = rollout::left_empty(&self.seen.pool).map(|left| Finding::LeftEmpty { left });
        let is_there = |id: &PoolId| self.account.pools.iter().any(|pool| pool.id == *id);
        let gone = self.successor().filter(|it| !is_there(&it.pool));
        let gone = gone.map(|it| Finding::SuccessorGone { successor: it.pool });
        let left = self.left_jobs();
        let held = (!left.held.is_empty()).then(|| Finding::HeldJobs {
            jobs: left.held.clone(),
        });
        let stranded = left.stranded.map(|stranded| Finding::Stranded {
            successor: stranded.successor,
            jobs: stranded.jobs,
            schedules: stranded.schedules,
        });
        let found = [unfinished, empty, gone, held, stranded, leftover::short(self.seen)];
        found.into_iter().flatten().collect()
    }

    /// The same once its time is over.
    fn over(&self, now: Timestamp) -> Option<Successor> {
        let is_over = |it: &Successor| it.kept_until.is_some_and(|until| until <= now);
        self.successor().filter(is_over)
    }

    /// What lets its jobs go on; what moves it away from a managed image, where its work is not done elsewhere; or what
    /// deletes a pool of others that is former or has expired.
    fn next(&self, now: Timestamp) -> Option<String> {
        // Jobs come first: they wait, and a pool is not deleted under them.
        let jobs = self.left_jobs().commands(&self.account.endpoint);
        if !jobs.is_empty() {
            let lines = jobs.iter().map(|command| command.lines().join("\n"));
            return Some(lines.collect::<Vec<_>>().join("\n"));
        }
        let is_expired_of_others = self.is_expired(now) && MadeBy::of(&self.seen.pool) == MadeBy::Others;
        let deleting = || self.own("azure-batch-pool delete").with_flag(ANY_POOL);
        let command = match (self.successor(), self.over(now)) {
            _ if is_expired_of_others => Some(deleting()),
            (None, _) => {
                let is_managed = matches!(self.seen.image, PoolImage::Managed(_));
                is_managed.then(|| self.own("azure-batch-pool migrate"))
            }
            (Some(_), over) => {
                let is_of_others = over.is_some_and(|it| it.former_made_by == MadeBy::Others);
                is_of_others.then(deleting)
            }
        };
        command.map(|command| command.lines().join("\n"))
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        Lifetime::of(&self.seen.pool).end().is_some_and(|end| end <= now)
    }

    /// A command of ours about the pool.
    fn own(&self, verb: &str) -> Command {
        let (place, account) = match &self.account.id {
            Some(id) => (ACCOUNT, id.to_string()),
            None => (ACCOUNT_ENDPOINT, self.account.endpoint.to_string()),
        };
        let options = [(place, account.as_str()), (POOL_ID, self.seen.id.as_str())];
        Command::own(verb, &options)
    }

    fn image(&self) -> ImageStatus {
        let own = self.number();
        let nodes = node_versions(self.seen);
        let oldest = base::oldest(self.seen);
        let behind = |line: &Line<'_>| {
            let oldest = oldest?;
            Some(line.open().filter(|other| *other > oldest).count())
        };
        let line = self.line.as_ref();
        ImageStatus {
            kind: self.seen.image.kind(),
            id: self.seen.image.to_string(),
            version: own.map(|number| number.to_string()),
            latest: line.and_then(|line| line.open().max()).map(|number| number.to_string()),
            behind: line.and_then(behind),
            nodes,
            base: self.base().map(|image| self.base_status(&image)),
        }
    }

    /// The marketplace image under it.
    fn base(&self) -> Option<MarketplaceImage> {
        let versions = self.line.as_ref().map_or(&[][..], |line| line.versions);
        base::of(self.seen, versions)
    }

    fn base_status(&self, image: &MarketplaceImage) -> BaseStatus {
        let known = self.catalogue.bases.get(&base::key(image));
        BaseStatus {
            image: image.to_string(),
            newer: known.map(|all| marketplace::newer(all, &image.version).len()),
            newest: known.and_then(|all| all.last().cloned()),
        }
    }

    /// The ends that are set, the next one first.
    fn retirements(&self) -> Vec<Retirement> {
        let (supported, agent) = (&self.catalogue.supported, self.agent());
        let of_image = match &self.seen.image {
            PoolImage::Marketplace(image) => {
                end_of_image(supported, image).map(|date| (format!("image {image}"), date))
            }
            _ => None,
        };
        let of_agent = end_of_agent(supported, agent).map(|date| (format!("node agent {agent}"), date));
        let of_base = self.base().filter(|_| of_image.is_none()).and_then(|base| {
            let date = end_of_image(supported, &base)?;
            Some((format!("base image {base}"), date))
        });
        let ends = [self.end_of_version(), of_image, of_base, of_agent, self.end_of_size()];
        let mut all: Vec<Retirement> = ends
            .into_iter()
            .flatten()
            .map(|(what, date)| Retirement { what, date })
            .collect();
        all.sort_by_key(|retirement| retirement.date);
        all
    }

    fn end_of_version(&self) -> Option<(String, Timestamp)> {
        let version = self.line.as_ref()?.find(self.number()?)?;
        Some((format!("image version {}", version.id.name()), version.end_of_life()?))
    }

    fn end_of_size(&self) -> Option<(String, Timestamp)> {
        let sizes = self.catalogue.sizes.get(self.account.location.as_ref()?)?;
        let offer = sizes.iter().find(|size| size.is_called(self.text("/vmSize")))?;
        Some((format!("VM size {}", offer.name), offer.end_of_life?))
    }

    fn findings(&self, image: &ImageStatus, retirements: &[Retirement], horizon: Horizon) -> Vec<Finding> {
        let successor = self.successor();
        // A former pool is behind on purpose: it is kept for a return.
        let behind = match (image.behind, &image.latest) {
            (Some(versions @ 1..), Some(latest)) if successor.is_none() => Some(Finding::Behind {
                versions,
                latest: latest.clone(),
            }),
            _ => None,
        };
        let mixed = (image.nodes.len() > 1).then_some(Finding::Mixed {
            versions: image.nodes.len(),
        });
        let expired = self.is_expired(horizon.now).then(|| match MadeBy::of(&self.seen.pool) {
            MadeBy::RollOuts => Finding::Expired,
            MadeBy::Others => Finding::ExpiredOfOthers,
        });
        let former = self.over(horizon.now).map(|it| match it.former_made_by {
            MadeBy::RollOuts => Finding::FormerIsOver { successor: it.pool },
            MadeBy::Others => Finding::FormerOfOthers { successor: it.pool },
        });
        let ends = retirements.iter().filter_map(|retirement| horizon.finding(retirement));
        let hazards = upgrade::hazards(self.seen.pool.body()).into_iter();
        let hazards = hazards.map(|hazard| Finding::UnsafeUpgrade {
            path: hazard.path,
            why: hazard.why.to_owned(),
        });
        let formula = autoscale::last_run(&self.seen.pool).and_then(|run| run.error);
        let formula = formula.map(|error| Finding::Formula {
            text: error.to_string(),
        });
        [behind, mixed]
            .into_iter()
            .flatten()
            .chain(self.left_by_roll_outs())
            .chain(self.managed.about(self.account, self.seen))
            .chain([expired, former, formula].into_iter().flatten())
            .chain(self.about_versions(horizon.now))
            .chain(unlisted(&self.catalogue.supported, &self.seen.image, self.agent()))
            .chain(hazards)
            .chain(ends)
            .collect()
    }

    /// What speaks against the version that the pool names, or those that its nodes run.
    fn about_versions(&self, now: Timestamp) -> Vec<Finding> {
        let Some(line) = &self.line else {
            return Vec::new();
        };
        let about = |number: VersionNumber| match line.find(number) {
            Some(version) => {
                let objections = version.objections().into_iter();
                let failed = versions::failed_test(version).map(|text| Finding::FailedTest {
                    version: number.to_string(),
                    text,
                });
                objections
                    .map(|text| Finding::Objection { text })
                    .chain(failed)
                    .collect()
            }
            None => vec![self.gone(number, now)],
        };
        base::numbers(self.seen).into_iter().flat_map(about).collect()
    }

    /// A version that is not in its definition any more.
    fn gone(&self, number: VersionNumber, now: Timestamp) -> Finding {
        let version = number.to_string();
        let definition = self.seen.image.definition();
        let kept = definition.and_then(|id| self.catalogue.deleted.get(&id));
        let kept = kept.and_then(|all| all.iter().find(|one| one.number == number));
        match kept.map(|one| (one, one.phase(now))) {
            Some((one, phase @ (Phase::Usable | Phase::Restorable))) => Finding::Deleted {
                version,
                usable_until: one.usable_until.filter(|_| phase == Phase::Usable),
                gone_at: one.gone_at,
            },
            Some((_, Phase::Gone)) | None => Finding::Missing { version },
        }
    }
}

impl Horizon {
    fn finding(self, retirement: &Retirement) -> Option<Finding> {
        let retirement = retirement.clone();
        let days = days(self.now, retirement.date);
        if retirement.date <= self.now {
            return Some(Finding::Ended { retirement });
        }
        (days <= i64::from(self.within_days)).then_some(Finding::Ends { retirement, days })
    }
}

/// Judges everything that was seen.
pub(super) fn assess(estate: &Estate, catalogue: &Catalogue, horizon: Horizon) -> StatusReport {
    let managed = ManagedPools::of(estate, &catalogue.images);
    let mut pools: Vec<PoolStatus> = estate
        .pools()
        .map(|(account, pool)| Subject::new(account, pool, (catalogue, &managed)).status(horizon))
        .collect();
    pools.sort_by_cached_key(|pool| {
        let next = pool.retirements.first().map_or(Timestamp::MAX, |next| next.date);
        (next, pool.account.clone(), pool.pool.clone())
    });
    let open = catalogue.unread.iter().map(|(what, why)| Unseen {
        what: what.clone(),
        why: why.report(),
    });
    StatusReport {
        schema_version: SCHEMA,
        at: to_second(horizon.now),
        within_days: horizon.within_days,
        notes: notes(&pools, catalogue, horizon.now),
        pools,
        unseen: estate.gaps.iter().map(Unseen::of).chain(open).collect(),
    }
}

/// What Batch does not list: a pool's marketplace image, its node agent. Nothing where the list was not read.
fn unlisted(list: &[Supported], image: &PoolImage, agent: &str) -> Vec<Finding> {
    if list.is_empty() {
        return Vec::new();
    }
    let image = match image {
        PoolImage::Marketplace(image) if for_image(list, image).is_none() => Some(format!("image {image}")),
        _ => None,
    };
    let is_known = agent.is_empty() || list.iter().any(|known| known.agent.eq_ignore_ascii_case(agent));
    let agent = (!is_known).then(|| format!("node agent {agent}"));
    let what = image.into_iter().chain(agent);
    what.map(|what| Finding::Unlisted { what }).collect()
}

fn autoscale_status(pool: &Pool) -> Option<AutoscaleStatus> {
    let last = autoscale::last_run(pool).filter(|run| run.error.is_none());
    autoscale::of(pool).map(|scale| AutoscaleStatus {
        scale,
        last: last.map(|run| run.targets()),
    })
}

fn nodes(seen: &SeenPool) -> NodesStatus {
    let mut states = BTreeMap::new();
    let mut ready = 0;
    let counts = seen.counts.iter();
    for (state, count) in counts.flat_map(|counts| counts.dedicated.iter().chain(&counts.spot)) {
        *states.entry(state.to_string()).or_insert(0) += count;
        if state.outlook() == Outlook::Ready {
            ready += count;
        }
    }
    NodesStatus {
        target: seen.pool.targets,
        current: seen.pool.current,
        ready: seen.counts.is_some().then_some(ready),
        states,
        agents: seen.agents.clone(),
    }
}

/// How many nodes run which version, where they may differ and say so.
fn node_versions(seen: &SeenPool) -> BTreeMap<String, u32> {
    let NodeImages::Listed(nodes) = &seen.nodes else {
        return BTreeMap::new();
    };
    let name = |image: &PoolImage| match image {
        PoolImage::Version(id) => Some(id.name().to_owned()),
        PoolImage::Marketplace(image) => Some(image.version.clone()),
        PoolImage::Definition(_) | PoolImage::Managed(_) | PoolImage::Other(_) | PoolImage::Unknown => None,
    };
    let named = nodes.iter().filter_map(|(image, count)| Some((name(image)?, *count)));
    named.collect()
}

/// Whole days from one time to another.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()) / SECONDS_A_DAY
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_or_agent_that_batch_does_not_list_is_found_where_its_list_was_read() {
        let listed = json!({"nodeAgentSKUId": "batch.node.ubuntu 22.04",
            "imageReference": {"publisher": "canonical", "offer": "jammy", "sku": "22_04", "version": "latest"}});
        let list = [Supported::read(&listed)];
        let image = |sku: &str| PoolImage::read(&json!({"publisher": "Canonical", "offer": "jammy", "sku": sku}));
        let found = |list: &[Supported], sku: &str, agent: &str| {
            let all = unlisted(list, &image(sku), agent);
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(found(&list, "22_04", "batch.node.Ubuntu 22.04"), "");
        assert_eq!(
            found(&list, "17_10", "batch.node.ubuntu 17.10"),
            "Batch does not list image Canonical:jammy:17_10:latest; Batch does not list node agent batch.node.ubuntu 17.10"
        );
        assert_eq!(
            found(&[], "17_10", "batch.node.ubuntu 17.10"),
            "",
            "its list was not read"
        );
    }
}
