//! `POST /get-online-features`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::task::block_in_place;

use super::body::{self, Bounds};
use super::query::Query;
use super::router::Asked;
use super::{Server, answer, limits};
use crate::error::{Error, ServerError};
use crate::feature_store::{AnswerRequest, FeatureNames, OnlineAnswer, OnlinePlan};

pub(super) const BOUNDS: Bounds =
    Bounds { bytes: limits::ASK_BYTES, hint: "ask in several requests", time: limits::BODY_TIME };

pub(super) async fn get_online_features(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.respond("/get-online-features", read(&server, request).await)
}

async fn read(server: &Server, request: Request) -> Result<Response, Error> {
    let body = body::read(request.into_body(), BOUNDS, &server.bodies).await?;
    let query = Query::parse(&body.bytes)?;
    let names = match &query.feature_service {
        Some(service) if !service.is_empty() => FeatureNames::Service(service),
        _ => FeatureNames::References(&query.features),
    };
    let plan = server.serving.plan(names, query.full_feature_names)?;
    let values = plan.width() * query.entities.first().map_or(1, |(_, values)| values.len());
    if values > limits::VALUES {
        let what = format!("{values} values are asked for, more than the {} of one request", limits::VALUES);
        return Err(ServerError::TooMuch { what, hint: "ask for fewer entities or features at a time" }.into());
    }
    let answered = if values <= limits::SMALL_READ {
        server.answer(&plan, &query)?
    } else {
        // never closed
        let _turn = server.reads.acquire().await;
        block_in_place(|| server.answer(&plan, &query))?
    };
    let mut response = answer::json(StatusCode::OK, answered);
    response.extensions_mut().insert(Asked { features: plan.width(), views: plan.views() });
    Ok(response)
}

impl Server {
    fn answer(&self, plan: &OnlinePlan, query: &Query<'_>) -> Result<Vec<u8>, Error> {
        let began = Instant::now();
        let versions = query.include_feature_view_version_metadata;
        let request = AnswerRequest { entities: &query.entities, versions, now: self.now() };
        let OnlineAnswer { body, entities, counts } = self.serving.answer(plan, &request)?;
        self.metrics.read(entities, began.elapsed(), &counts);
        Ok(body)
    }
}
