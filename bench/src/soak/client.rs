//! A client: one session after the other, each with a few deeds.

use std::{sync::Arc, time::Duration};

use engine::SessionRequest;
use tokio::time::timeout;

use super::{
    Shared,
    deeds::{DEEDS, Scene},
    dice::Dice,
};

/// Deeds of one session.
const DEEDS_MAX: usize = 6;
/// Longer than any deed takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Works until no session is left.
pub(super) async fn work(shared: Arc<Shared>, seed: u64) {
    let mut dice = Dice::new(seed);
    while let Some(number) = shared.take() {
        let mut history = Vec::new();
        let one = session(&shared, &mut dice, number, &mut history);
        let failure = match timeout(PATIENCE * 4, one).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "it hangs".to_owned(),
        };
        shared.fail(format!("session {number}, {}: {failure}", history.join(", ")));
    }
}

async fn session(
    shared: &Arc<Shared>,
    dice: &mut Dice,
    number: usize,
    history: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    let environment = shared.environments[dice.below(shared.environments.len())];
    history.push(environment);
    let request = SessionRequest {
        environment: environment.to_owned(),
        name: Some(format!("soak {number}")),
        // One that is left behind is closed for that.
        idle_time: Some(Duration::from_secs(5)),
        ..SessionRequest::default()
    };
    let made = timeout(PATIENCE, shared.engine.create_session(request)).await;
    let session = made.map_err(|_| anyhow::anyhow!("no session comes"))??;
    let id = session.id();
    let mut scene = Scene::new(shared, session.clone(), number);
    if let Err(error) = deeds(shared, &mut scene, dice, history).await {
        session.close().await;
        return Err(error);
    }
    history.push("end");
    timeout(PATIENCE, scene.end(dice)).await.map_err(|_| anyhow::anyhow!("it does not close"))?;
    if shared.engine.session(id).is_some() {
        anyhow::bail!("it is closed and still in the list");
    }
    Ok(())
}

/// Does a few deeds.
async fn deeds(
    shared: &Shared,
    scene: &mut Scene,
    dice: &mut Dice,
    history: &mut Vec<&'static str>,
) -> anyhow::Result<()> {
    for _ in 0..dice.below(DEEDS_MAX + 1) {
        let total = DEEDS.iter().map(|deed| deed.weight).sum();
        let mut place = dice.below(total);
        let chosen = DEEDS.iter().find(|deed| {
            let is_it = place < deed.weight;
            place = place.saturating_sub(deed.weight);
            is_it
        });
        let Some(deed) = chosen else { continue };
        history.push(deed.name);
        shared.note(deed.name);
        let done = timeout(PATIENCE, (deed.act)(scene, dice)).await;
        done.map_err(|_| anyhow::anyhow!("it hangs"))??;
    }
    Ok(())
}
