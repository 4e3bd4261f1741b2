//! What a return finds before its first write: where the pools are, which of them go back, and by which steps.
//!
//! It writes nothing. What a return does afterwards is in `rollback`.

use std::sync::Arc;

use super::{
    Demand,
    blue_green::family,
    decide,
    explain::{At, refused, short_image},
    former,
    last_change::{LastChange, without_former},
    observe::read_account,
    pool::{PoolAccess, Purpose},
    replace::{
        begin::{self, Begun},
        next::{self, Deed, Filled, Seen},
    },
    return_plan::ReturnPlan,
    tell_skipped,
    two_pools::{self, Return, ToReturn},
};
use crate::{
    batch::{
        account::Account,
        pool::{Pool, Scaling},
    },
    client::Client,
    error::{Error, ErrorKind, Result},
    ids::{BatchEndpoint, PoolId},
    preflight,
    settings::{AccountRef, Checked, RollbackSettings},
    watch::Looks,
};

/// An account as returns of its pools see it.
#[derive(Debug)]
pub struct ReturnSurvey {
    endpoint: BatchEndpoint,
    account: Option<Account>,
    pools: Arc<[Pool]>,
    skipped: Vec<String>,
}

/// What there is to go back to for one of many pools.
#[derive(Debug)]
pub enum ToGoBack {
    /// This change can be taken back, as far as one can see.
    Change(LastChange),
    /// Nothing.
    Nothing {
        /// Why, as the rest of a sentence about the pool.
        why: String,
        /// Its last change all the same.
        last: Option<LastChange>,
    },
    /// Its account has no such pool.
    Absent(Error),
    /// That cannot be said.
    Unknown(Error),
}

/// One of many pools that goes back.
#[derive(Clone, Debug)]
pub struct Going {
    /// Its steps.
    pub plan: ReturnPlan,
    /// The image that it gets again, for people.
    pub image: Option<String>,
    /// The change that it takes back.
    pub last: LastChange,
    /// The nodes that it brings; nothing when that is not known.
    pub demand: Option<Demand>,
}

/// What a return has found: where it is, which way it goes, and what it will do.
pub(super) struct Found {
    pub(super) endpoint: BatchEndpoint,
    pub(super) back: ToReturn,
    pub(super) skipped: Vec<String>,
}

impl ReturnSurvey {
    /// Reads an account and its pools for the plan of many returns.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub async fn of((client, looks): (&Client, &Looks), account: &AccountRef) -> Result<Self> {
        Self::read((client, looks), account, Purpose::Show).await
    }

    /// The same for a return that begins now: many pools share what the last look showed, if it is fresh.
    pub(super) async fn now((client, looks): (&Client, &Looks), account: &AccountRef) -> Result<Self> {
        Self::read((client, looks), account, Purpose::Write).await
    }

    async fn read((client, looks): (&Client, &Looks), account: &AccountRef, purpose: Purpose) -> Result<Self> {
        let mut skipped = Vec::new();
        let (account, endpoint) = read_account(client, account, &mut skipped).await?;
        let watch = looks.watch_of(client, endpoint.clone(), Vec::new());
        let pools = match purpose {
            Purpose::Show => watch.whole().await?,
            Purpose::Write => watch.pools().await?,
        };
        Ok(Self {
            endpoint,
            account,
            pools,
            skipped,
        })
    }

    /// What there is to go back to for a pool.
    #[must_use]
    pub fn to_go_back(&self, id: &PoolId) -> ToGoBack {
        let nothing = |why: String, last| ToGoBack::Nothing { why, last };
        let ToReturn { back, last } = match two_pools::to_return(&self.pools, id) {
            Ok(found) => found,
            Err(absent) if absent.kind() == ErrorKind::BadInput => return ToGoBack::Absent(absent),
            Err(gone) => return nothing(gone.to_string(), None),
        };
        let why = match &back {
            Return::InPlace(id, _) => self.pool(id).and_then(without_former),
            Return::ToFormer(pair) => pair.has_returned().then_some("it is what it was before already"),
        };
        match (why, last) {
            (Some(why), last) => nothing(why.to_owned(), last),
            (None, Some(last)) => ToGoBack::Change(last),
            (None, None) => match self.meant(id).map(begin::back) {
                Some(Err(refusal)) => ToGoBack::Unknown(refused(self.at(id), refusal)),
                Some(Ok(_)) | None => nothing("no roll-out has changed it".to_owned(), None),
            },
        }
    }

    /// The image of the pool that does the work under an id.
    #[must_use]
    pub fn image_of(&self, id: &PoolId) -> Option<&str> {
        self.meant(id).and_then(Pool::image_id)
    }

    /// What the return of one of many pools will do, with its rights checked. It writes nothing.
    ///
    /// # Errors
    /// As far as the return would fail before its first write.
    pub async fn foresee(
        &self,
        (client, looks): (&Client, &Looks),
        settings: &Checked<RollbackSettings>,
        last: LastChange,
    ) -> Result<Going> {
        let foreseen = async {
            let found = self.found(client, settings).await?;
            tell_skipped(client, &found.skipped);
            plan((client, looks), settings, (&found, Purpose::Show)).await
        };
        let doing = format!("cannot bring pool {} back", settings.pool);
        let plan = foreseen.await.map_err(|error| error.in_flow(doing))?;
        let present = self.pool(&plan.pool);
        let demand = || {
            let present = present.filter(|pool| pool.scaling == Scaling::Fixed)?;
            let nodes = plan.nodes()?;
            Some(Demand {
                account: self.account.clone()?,
                pool: plan.pool.clone(),
                vm_size: present.vm_size().to_owned(),
                wanted: nodes,
                needed: nodes,
                present: Some(present.clone()),
            })
        };
        let of_former = || present.and_then(Pool::image_id).map(short_image);
        Ok(Going {
            image: plan.image().map(str::to_owned).or_else(of_former),
            demand: demand(),
            plan,
            last,
        })
    }

    /// Which way a return goes, with its rights checked.
    pub(super) async fn found(&self, client: &Client, settings: &RollbackSettings) -> Result<Found> {
        let back = two_pools::to_return(&self.pools, &settings.pool)?;
        let mut skipped = self.skipped.clone();
        preflight::check_rights(client, back.back.needs(&settings.account), &mut skipped).await?;
        Ok(Found {
            endpoint: self.endpoint.clone(),
            back,
            skipped,
        })
    }

    const fn at<'a>(&'a self, pool: &'a PoolId) -> At<'a> {
        At {
            pool,
            endpoint: &self.endpoint,
            account: self.account.as_ref(),
        }
    }

    fn meant(&self, id: &PoolId) -> Option<&Pool> {
        let meant = family::meant(&self.pools, id).ok()?;
        self.pool(&meant)
    }

    fn pool(&self, id: &PoolId) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.is_called(id))
    }
}

/// What a return that has found this will do.
pub(super) async fn plan(
    (client, looks): (&Client, &Looks),
    settings: &RollbackSettings,
    (found, purpose): (&Found, Purpose),
) -> Result<ReturnPlan> {
    let id = match &found.back.back {
        Return::ToFormer(pair) => return pair.plan((client, looks), &found.endpoint, purpose).await,
        Return::InPlace(id, _) => id,
    };
    let watch = looks.watch(client, found.endpoint.clone(), id.clone());
    let access = PoolAccess::new(&watch, id.clone());
    let pool = purpose.find(&access).await?;
    let pool = pool.ok_or_else(|| refused(access.at(), decide::deleted()))?;
    let begun = begin::back(&pool).map_err(|refusal| refused(access.at(), refusal))?;
    let Some(begun) = begun else {
        return Ok(ReturnPlan::nothing(id.clone()));
    };
    let (Begun::New(record) | Begun::Already(record)) = &begun;
    if !record.is_made() {
        former::require(&access, record.former_image()).await?;
    }
    let jobs = access.foreseen_jobs().await?;
    let seen = Seen {
        pool: &pool,
        record,
        jobs: &jobs,
        filled: Filled::NotYet,
        left: None,
    };
    // What the return would refuse at its first step is refused before its record is written.
    if let Deed::Refuse(refusal) = next::next(seen, settings.running_tasks) {
        return Err(refused(access.at(), refusal));
    }
    Ok(ReturnPlan::in_place((id, &pool), &begun, &jobs))
}

/// Refuses a pool that another roll-out has changed since it was looked at.
pub(super) fn refuse_other(
    (pool, endpoint): (&PoolId, &BatchEndpoint),
    (looked, now): (&LastChange, Option<&LastChange>),
) -> Result<()> {
    if now.is_some_and(|now| now.is_same(looked)) {
        return Ok(());
    }
    let at = At {
        pool,
        endpoint,
        account: None,
    };
    let refusal = decide::Refusal {
        why: "was changed by another roll-out since this run looked at it".to_owned(),
        remedy: "run again to look at all pools anew",
    };
    Err(refused(at, refusal))
}
