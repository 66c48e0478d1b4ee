"""Metrics, alarms, rating, and notifications that they are made of."""

from ...params import Section, derived, settings
from ...values.controller import (
    cloudkitty_metrics,
    gnocchi_resources,
    pollster_files,
    pollster_names,
    pollster_texts,
)  # fmt: skip

TELEMETRY = (
    Section("Notifications and graphs", settings(
        "disable_notifications", "enable_monitoring_graphs", "monitoring_graphite_host", "monitoring_graphite_port",
    )),
    Section("Ceilometer's pollsters", {
        "dynamic_pollsters_files": derived(pollster_files, written="Fleet.telemetry.pollsters"),
        "dynamic_pollsters_names": derived(pollster_names, written="Fleet.telemetry.pollsters"),
        "dynamic_pollsters_data":  derived(pollster_texts, written="Fleet.telemetry.pollsters"),
        **settings("ceilometer_debug_log"),
    }),
    Section("Gnocchi", {
        "gnocchi_resources_yaml": derived(gnocchi_resources, written="Fleet.telemetry.gnocchi_resources", base64=True),
        **settings("gnocchi_api_workers", "gnocchi_debug_log"),
    }),
    Section("CloudKitty", {
        "cloudkitty_metrics_yml": derived(
            cloudkitty_metrics, written="Fleet.telemetry.cloudkitty_metrics", base64=True
        ),
        **settings(
            "cloudkitty_use_storage_v2", "cloudkitty_storage_v2_backend", "cloudkitty_storage_v2_host",
            "cloudkitty_storage_v2_index_name", "cloudkitty_processor_workers", "cloudkitty_debug_log",
        ),
    }),
    Section("Aodh", settings("aodh_notifier_use_proxy", "aodh_notifier_proxy_url", "aodh_debug_log")),
)
