//! The queue: that a run goes on without its waiter, ends when it is taken back, and is
//! neither lost without a word nor carried out twice when a worker dies.

use std::{sync::Arc, time::Duration};

use api::{RunRecord, RunStatus};
use engine::Cancel;
use record::Cancelled;
use tokio::time::{sleep, timeout};

use crate::fixture::{House, TENANT, Tests, in_house, model, shown, succeeded, with_lease};

pub(crate) const TESTS: Tests = &[
    ("queue::a_run_goes_on_without_whoever_waits", a_run_goes_on_without_whoever_waits),
    ("queue::runs_are_taken_back", runs_are_taken_back),
    ("queue::one_tenant_leaves_a_slot_to_another", one_tenant_leaves_a_slot_to_another),
    ("queue::what_is_cut_off_is_told_or_waits_again", what_is_cut_off_is_told_or_waits_again),
    ("queue::a_dead_workers_run_is_lost", a_dead_workers_run_is_lost),
    ("queue::a_dead_workers_run_is_repeated_if_asked", a_dead_workers_run_is_repeated_if_asked),
    ("queue::a_worker_that_sleeps_is_fenced", a_worker_that_sleeps_is_fenced),
];

const SLOW: &str = "import time\nprint('begun', flush=True)\ntime.sleep(600)";

async fn registered(house: &House, text: &str) {
    house.commit(&[("model/slow.py", text)]);
    house.register("p").await;
}

/// Waits until a run says that it has begun.
async fn begun(house: &House, record: &RunRecord) {
    for _ in 0..600 {
        let events = house.projects.events(TENANT, record.run_id, 0, 10).await.unwrap();
        if events.iter().any(|event| event.data.contains("begun")) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("the run has not begun");
}

async fn ended(house: &House, record: &RunRecord) -> RunRecord {
    let patience = Duration::from_secs(60);
    house.projects.wait(TENANT, record.run_id, patience).await.unwrap()
}

fn a_run_goes_on_without_whoever_waits() {
    in_house(1, |house| async move {
        registered(&house, "import time\ntime.sleep(1)\nresult = {'a': 1}").await;
        let record = house.projects.start(TENANT, "tester", &model("p", "slow")).await.unwrap();
        let wait = house.projects.wait(TENANT, record.run_id, Duration::from_secs(60));
        assert!(timeout(Duration::from_millis(200), wait).await.is_err());
        let record = ended(&house, &record).await;
        assert_eq!(record.status, RunStatus::Success, "{}", shown(&record));
    });
}

fn runs_are_taken_back() {
    in_house(1, |house| async move {
        registered(&house, SLOW).await;
        let start =
            async || house.projects.start(TENANT, "tester", &model("p", "slow")).await.unwrap();
        let (running, waiting) = (start().await, start().await);
        begun(&house, &running).await;
        let cancel = async |record: &RunRecord| {
            house.projects.cancel(TENANT, &record.run_id.to_string()).await.unwrap()
        };
        assert_eq!(cancel(&waiting).await, Cancelled::Now);
        assert_eq!(cancel(&running).await, Cancelled::Asked);
        for record in [&running, &waiting] {
            let record = ended(&house, record).await;
            assert_eq!(record.status, RunStatus::Cancelled, "{}", shown(&record));
        }
        let told = cancel(&running).await;
        assert_eq!(told, Cancelled::AlreadyEnded(RunStatus::Cancelled));
        assert_eq!(ended(&house, &running).await.stdout.head, "begun\n");
    });
}

fn one_tenant_leaves_a_slot_to_another() {
    in_house(2, |house| async move {
        house.commit(&[("model/quick.py", "result = {'a': 1}")]);
        registered(&house, SLOW).await;
        house.projects.add("other", &house.spec("p")).await.unwrap();
        let mut slow = Vec::new();
        for _ in 0..3 {
            let started = house.projects.start(TENANT, "tester", &model("p", "slow")).await;
            slow.push(started.unwrap());
        }
        begun(&house, &slow[0]).await;
        let quick = house.projects.run("other", "tester", &model("p", "quick")).await.unwrap();
        succeeded(&quick);
        let patience = Duration::ZERO;
        let second = house.projects.wait(TENANT, slow[1].run_id, patience).await.unwrap();
        assert_eq!(second.status, RunStatus::Pending, "{}", shown(&second));
        for record in slow.iter().rev() {
            house.projects.cancel(TENANT, &record.run_id.to_string()).await.unwrap();
        }
    });
}

fn what_is_cut_off_is_told_or_waits_again() {
    with_lease(0, Duration::from_secs(30), |house| async move {
        registered(&house, "import time\nprint('begun', flush=True)\ntime.sleep(3)").await;
        let (ending, shutdown) = (house.another(|_| {}), Cancel::new());
        let ended_worker = tokio::spawn(Arc::clone(&ending).work(3, shutdown.clone()));
        let start = async |attempts_max| {
            let mut request = model("p", "slow");
            request.attempts_max = Some(attempts_max);
            house.projects.start(TENANT, "tester", &request).await.unwrap()
        };
        let (once, again) = (start(1).await, start(2).await);
        for record in [&once, &again] {
            begun(&house, record).await;
        }
        shutdown.cancel();
        ending.cut_off();
        timeout(Duration::from_secs(60), ended_worker).await.unwrap().unwrap();
        let look = async |record: &RunRecord| {
            house.projects.wait(TENANT, record.run_id, Duration::ZERO).await.unwrap()
        };
        let once = look(&once).await;
        assert_eq!(once.status, RunStatus::Cancelled, "{}", shown(&once));
        assert!(once.error.as_ref().unwrap().message.contains("told to end"), "{}", shown(&once));
        assert_eq!(once.stdout.head, "begun\n");
        assert_eq!(look(&again).await.status, RunStatus::Pending);
        let worker = worker(&house);
        let again = ended(&house, &again).await;
        assert_eq!((again.status, again.attempt), (RunStatus::Success, 2), "{}", shown(&again));
        worker.abort();
    });
}

/// A worker in the same process, which can be killed with all that it does.
fn worker(house: &House) -> tokio::task::JoinHandle<()> {
    tokio::spawn(house.another(|_| {}).work(1, Cancel::new()))
}

/// Starts a run on another worker and kills that.
async fn on_dead_worker(house: &Arc<House>, attempts_max: u32) -> RunRecord {
    let worker = worker(house);
    let mut request = model("p", "slow");
    request.attempts_max = Some(attempts_max);
    let record = house.projects.start(TENANT, "tester", &request).await.unwrap();
    begun(house, &record).await;
    worker.abort();
    let _ = worker.await;
    record
}

fn a_dead_workers_run_is_lost() {
    // The house's own worker takes none.
    with_lease(0, Duration::from_secs(2), |house| async move {
        registered(&house, SLOW).await;
        let record = on_dead_worker(&house, 1).await;
        let record = ended(&house, &record).await;
        assert_eq!(record.status, RunStatus::Lost, "{}", shown(&record));
        assert_eq!(record.attempt, 1);
    });
}

fn a_dead_workers_run_is_repeated_if_asked() {
    with_lease(0, Duration::from_secs(2), |house| async move {
        registered(&house, "import time\nprint('begun', flush=True)\ntime.sleep(3)").await;
        let record = on_dead_worker(&house, 2).await;
        let second = worker(&house);
        let record = ended(&house, &record).await;
        assert_eq!((record.status, record.attempt), (RunStatus::Success, 2), "{}", shown(&record));
        second.abort();
    });
}

fn a_worker_that_sleeps_is_fenced() {
    with_lease(0, Duration::from_secs(2), |house| async move {
        registered(&house, "import time\nprint('begun', flush=True)\ntime.sleep(5)").await;
        // It renews too rarely, as one would that was stopped for a while.
        let sleepy = house.another(|settings| settings.renew_every = Duration::from_secs(600));
        let worker = tokio::spawn(sleepy.work(1, Cancel::new()));
        let record = house.projects.start(TENANT, "tester", &model("p", "slow")).await.unwrap();
        begun(&house, &record).await;
        let lost = ended(&house, &record).await;
        assert_eq!(lost.status, RunStatus::Lost);
        // Its own end comes later, and changes nothing.
        sleep(Duration::from_secs(6)).await;
        let record = house.projects.get(TENANT, &record.run_id.to_string()).await.unwrap();
        assert_eq!((record.status, record.result), (RunStatus::Lost, None));
        worker.abort();
    });
}
