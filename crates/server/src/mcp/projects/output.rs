//! `get_run_output`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::ContentBlock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// An output of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetRunOutputArgs {
    /// The run, or an unambiguous beginning of its id.
    run_id: String,
    /// The output: a file below /outputs, a key of the result, `stdout` or `stderr`.
    output_name: String,
}

/// An output of a run: one of the three.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(super) struct OutputTold {
    /// The run.
    run_id: String,
    /// The output.
    output_name: String,
    /// What it is.
    media_type: String,
    /// Its size.
    size_bytes: u64,
    /// What it says, if it is JSON.
    #[schema(value_type = Option<Value>)]
    value: Option<Value>,
    /// What it says, if it is other text.
    content: Option<String>,
    /// What it holds, if it is no text.
    content_base64: Option<String>,
}

/// `get_run_output`.
pub(super) struct GetRunOutput;

impl Kind for GetRunOutput {
    const NAME: &'static str = "get_run_output";
    const TITLE: &'static str = "Read an output of a run";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = GetRunOutputArgs;
    type Output = OutputTold;

    fn description(_: &App) -> String {
        "Gives one output of a run of a project whole, up to 10 MiB.".to_owned()
    }

    async fn call(call: Call, args: GetRunOutputArgs) -> Result<Answer<OutputTold>, Refusal> {
        let projects = call.projects();
        let record = projects.get(call.tenant(), &args.run_id).await?;
        let run_id = record.run_id.to_string();
        let is_stream = matches!(args.output_name.as_str(), "stdout" | "stderr");
        let result = record.result.as_ref().filter(|_| !is_stream);
        let of_result = result.and_then(|result| result.get(&args.output_name));
        let (media_type, bytes) = match of_result {
            Some(value) => ("application/json".to_owned(), value.to_string().into_bytes()),
            None => projects.output(&record, &args.output_name).await?,
        };
        let size_bytes = bytes.len() as u64;
        let output_name = args.output_name;
        let told = OutputTold { run_id, output_name, media_type, size_bytes, ..read(bytes)? };
        Ok(told.answer())
    }
}

fn read(bytes: Vec<u8>) -> Result<OutputTold, Refusal> {
    Ok(match String::from_utf8(bytes) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                OutputTold { value: Some(value), ..OutputTold::default() }
            }
            _ => OutputTold { content: Some(text), ..OutputTold::default() },
        },
        Err(error) => {
            let content_base64 = Some(STANDARD.encode(error.into_bytes()));
            OutputTold { content_base64, ..OutputTold::default() }
        }
    })
}

impl OutputTold {
    fn answer(self) -> Answer<Self> {
        let is_image = matches!(self.media_type.as_str(), "image/png" | "image/jpeg");
        let text = match (&self.value, &self.content) {
            (Some(value), _) => value.to_string(),
            (_, Some(text)) if !text.is_empty() => text.clone(),
            _ => format!("{}: {} bytes of {}", self.output_name, self.size_bytes, self.media_type),
        };
        let mut content = vec![ContentBlock::text(text)];
        if let Some(data) = self.content_base64.as_ref().filter(|_| is_image) {
            content.push(ContentBlock::image(data.clone(), self.media_type.clone()));
        }
        Answer { content, structured: self }
    }
}
