//! The standard health service.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::kit::Office;

/// Far longer than a check of the store takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_health_watch_reports_that_the_store_went_and_came_back() {
    let mut office = Office::open().await;
    office.until_it_serves().await;
    let mut client = HealthClient::new(office.channel().await);
    let mut seen = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let mut next = async || {
        let next = timeout(PATIENCE, seen.message()).await.expect("a status arrives").unwrap();
        next.expect("the watch continues").status()
    };
    assert_eq!(next().await, ServingStatus::Serving);
    office.redis.kill();
    assert_eq!(next().await, ServingStatus::NotServing);
    office.redis.restart().await;
    assert_eq!(next().await, ServingStatus::Serving);
}

#[tokio::test]
async fn other_services_are_unknown() {
    let office = Office::open().await;
    let mut client = HealthClient::new(office.channel().await);
    let request = HealthCheckRequest { service: "no.such.Service".into() };
    assert_eq!(client.check(request).await.unwrap_err().code(), Code::NotFound);
}

/// An endless stream must not keep the process running.
#[tokio::test]
async fn a_stopped_sidecar_reports_not_serving_to_watchers_and_ends() {
    let office = Office::open().await;
    office.until_it_serves().await;
    let mut client = HealthClient::new(office.channel().await);
    let mut seen = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(seen.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    office.sidecar.terminate();
    let mut last = ServingStatus::Serving;
    while let Some(told) = timeout(PATIENCE, seen.message()).await.expect("it ends").unwrap() {
        last = told.status();
    }
    assert_eq!(last, ServingStatus::NotServing);
    assert!(office.sidecar.until_it_ends().await.success(), "{}", office.sidecar.said());
}
