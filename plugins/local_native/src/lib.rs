//! The face to Python: one function, one class, one error.

mod log;
mod meaning;
mod reader;

use log::{Column, Log, Value};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Raised when a column or a code changes its meaning; parsekit-local refuses others.
const LAYOUT: u32 = 3;

/// Where the version of boxcars is pinned.
const MANIFEST: &str = include_str!("../Cargo.toml");

create_exception!(
    parsekit_local_native,
    ReadFailed,
    PyValueError,
    "The stream can't be read to its end; the message is boxcars' own, with the frame."
);

/// What a network stream says; each column is `bytes`, little-endian, oldest row first.
#[pyclass(frozen, get_all, module = "parsekit_local_native")]
struct StreamLog {
    net_version: Option<i32>,
    frame_count: i32,
    time_s: Py<PyBytes>,
    delta_s: Py<PyBytes>,
    keyframe: Py<PyBytes>,
    kinds: Vec<String>,
    life_kind: Py<PyBytes>,
    life_first: Py<PyBytes>,
    life_end: Py<PyBytes>,
    body_frame: Py<PyBytes>,
    body_life: Py<PyBytes>,
    body_sleeping: Py<PyBytes>,
    body_position: Py<PyBytes>,
    body_velocity: Py<PyBytes>,
    event_frame: Py<PyBytes>,
    event_life: Py<PyBytes>,
    event_code: Py<PyBytes>,
    event_a: Py<PyBytes>,
    event_b: Py<PyBytes>,
    names: Vec<String>,
    values: Vec<(i32, &'static str, Py<PyAny>)>,
    debug_rows: Vec<(String, String)>,
}

impl StreamLog {
    fn of(py: Python<'_>, log: Log) -> PyResult<Self> {
        let bytes = |column: Column| PyBytes::new(py, &column.0).unbind();
        let values = log.values.into_iter();
        Ok(StreamLog {
            net_version: log.net_version,
            frame_count: log.frame_count,
            time_s: bytes(log.time_s),
            delta_s: bytes(log.delta_s),
            keyframe: bytes(log.keyframe),
            kinds: log.kinds,
            life_kind: bytes(log.life_kind),
            life_first: bytes(log.life_first),
            life_end: bytes(log.life_end),
            body_frame: bytes(log.body_frame),
            body_life: bytes(log.body_life),
            body_sleeping: bytes(log.body_sleeping),
            body_position: bytes(log.body_position),
            body_velocity: bytes(log.body_velocity),
            event_frame: bytes(log.event_frame),
            event_life: bytes(log.event_life),
            event_code: bytes(log.event_code),
            event_a: bytes(log.event_a),
            event_b: bytes(log.event_b),
            names: log.names,
            values: values
                .map(|(life, name, value)| Ok((life, name, object(py, value)?)))
                .collect::<PyResult<_>>()?,
            debug_rows: log.debug_rows,
        })
    }
}

fn object(py: Python<'_>, value: Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any().unbind(),
        Value::Int(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::Real(number) => number.into_pyobject(py)?.into_any().unbind(),
        Value::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
        Value::Camera([a, b, c, d, e, f, g]) => {
            (a, b, c, d, e, f, g).into_pyobject(py)?.into_any().unbind()
        }
        Value::Bodies(blue, orange) => (blue, orange).into_pyobject(py)?.into_any().unbind(),
        Value::Account { platform, id, online_name, player_number } => {
            (platform, id, online_name, player_number).into_pyobject(py)?.into_any().unbind()
        }
    })
}

/// Read the network stream of a whole replay file; other Python threads go on meanwhile.
///
/// Raises `ReadFailed` where the stream can't be read to its end.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn read(py: Python<'_>, data: &[u8]) -> PyResult<StreamLog> {
    let log = py.detach(|| {
        catch_unwind(AssertUnwindSafe(|| reader::read(data)))
            .unwrap_or_else(|panic| Err(format!("the decoder panicked: {}", message_of(&*panic))))
    });
    StreamLog::of(py, log.map_err(ReadFailed::new_err)?)
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

fn boxcars_version() -> &'static str {
    let pinned = MANIFEST.split_once("boxcars = \"=");
    pinned.and_then(|(_, rest)| rest.split_once('"')).map_or("unknown", |(version, _)| version)
}

/// Reads a replay's network stream into columns, for parsekit-local.
#[pymodule]
fn parsekit_local_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("LAYOUT", LAYOUT)?;
    module.add("BOXCARS", boxcars_version())?;
    module.add("ReadFailed", module.py().get_type::<ReadFailed>())?;
    module.add_class::<StreamLog>()?;
    module.add_function(wrap_pyfunction!(read, module)?)
}
