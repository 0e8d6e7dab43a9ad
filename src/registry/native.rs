//! Functions that Python stored beside their text.

use std::collections::BTreeMap;

use super::message::Message;
use crate::proto::core::{FeatureTransformationV2, FeatureTransformationV2Transformation, UserDefinedFunction};

/// A function as Python pickled it, with its source text. As long as the definition has the same text, the pickled
/// bytes are kept: Python needs them, and we cannot make them.
#[derive(Clone, Debug)]
pub(super) struct NativeFunction {
    pub(super) text: String,
    pub(super) old_form: Option<UserDefinedFunction>,
    pub(super) transformation: Option<FeatureTransformationV2>,
}

/// The functions of stored views, by view.
pub(super) fn functions<'a>(messages: impl Iterator<Item = &'a Message>) -> BTreeMap<String, NativeFunction> {
    messages.filter_map(|message| Some((message.name().to_owned(), function(message)?))).collect()
}

/// The function of one view, where Python stored one.
pub(super) fn function(message: &Message) -> Option<NativeFunction> {
    let (tags, old_form, transformation) = match message {
        Message::FeatureView(m) => m.spec.as_ref().map(|s| (&s.tags, None, s.feature_transformation.clone()))?,
        Message::StreamFeatureView(m) => {
            m.spec.as_ref().map(|s| (&s.tags, s.user_defined_function.clone(), s.feature_transformation.clone()))?
        }
        Message::OnDemandFeatureView(m) => {
            m.spec.as_ref().map(|s| (&s.tags, s.user_defined_function.clone(), s.feature_transformation.clone()))?
        }
        _ => return None,
    };
    // a function that we wrote ourselves stands in for the transformation in the tags
    if tags.contains_key(&super::tags::full("transformation")) {
        return None;
    }
    let text = match transformation.as_ref().and_then(|t| t.transformation.as_ref()) {
        Some(FeatureTransformationV2Transformation::UserDefinedFunction(udf)) => Some(udf.body_text.clone()),
        _ => None,
    };
    let text = text.or_else(|| old_form.as_ref().map(|udf| udf.body_text.clone())).filter(|text| !text.is_empty())?;
    Some(NativeFunction { text, old_form, transformation })
}
