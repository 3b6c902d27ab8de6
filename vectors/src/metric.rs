//! How near two vectors are.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MetricType {
    #[serde(rename = "L2")]
    L2,
    #[serde(rename = "IP")]
    Ip,
    #[serde(rename = "COSINE")]
    Cosine,
}

impl MetricType {
    pub fn name(self) -> &'static str {
        match self {
            MetricType::L2 => "L2",
            MetricType::Ip => "IP",
            MetricType::Cosine => "COSINE",
        }
    }

    pub fn from_name(name: &str) -> Option<MetricType> {
        [MetricType::L2, MetricType::Ip, MetricType::Cosine].into_iter().find(|metric| metric.name() == name)
    }
}
