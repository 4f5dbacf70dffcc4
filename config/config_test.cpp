#include "config/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim_file_system.h"

namespace baro::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::optional<std::string> TestEnvironment(std::string_view name) {
  if (name == "REGION") return "eu";
  return std::nullopt;
}

base::Result<Config> Parse(const std::string& text) {
  return ParseConfig(text, "dir/prometheus.yml", base::RealFileSystem(), TestEnvironment);
}

std::string ErrorOf(const std::string& text) {
  const auto config = Parse(text);
  return config ? "no error" : config.error().message();
}

TEST(Config, AnEmptyFileIsAllDefaults) {
  const auto config = Parse("");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->scrape_interval, 1min);
  EXPECT_TRUE(config->jobs.empty());
}

TEST(Config, JobsTakeTheirDefaultsFromGlobal) {
  const auto config = Parse(R"(
global:
  scrape_interval: 7s
  sample_limit: 5
scrape_configs:
  - job_name: a
    static_configs:
      - targets: ["x:1", "y:2"]
        labels: {team: core}
  - job_name: b
    scrape_interval: 1m
    scrape_timeout: 20s
    sample_limit: 9
)");
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->jobs.size(), 2U);
  EXPECT_EQ(config->jobs[0].interval, 7s);
  EXPECT_EQ(config->jobs[0].timeout, 7s) << "the default timeout never passes the interval";
  EXPECT_EQ(config->jobs[0].limits.samples, 5U);
  ASSERT_EQ(config->jobs[0].static_groups.size(), 1U);
  EXPECT_EQ(config->jobs[0].static_groups[0].targets[1].at("__address__"), "y:2");
  EXPECT_EQ(config->jobs[1].interval, 1min);
  EXPECT_EQ(config->jobs[1].timeout, 20s);
  EXPECT_EQ(config->jobs[1].limits.samples, 9U);
  EXPECT_NE(config->jobs[0].fingerprint, config->jobs[1].fingerprint);
}

TEST(Config, AJobIsTheSameWhateverItsTargets) {
  const auto job = [](const std::string& global, const std::string& fields) {
    const auto config = Parse(fmt::format("global: {{{}}}\nscrape_configs: [{{job_name: a, {}}}]\n", global, fields));
    EXPECT_TRUE(config) << config.error().message();
    return config->jobs.at(0);
  };
  const auto first = job("", "static_configs: [{targets: [x]}], basic_auth: {username: u, password: p1}");
  const auto moved = job("", "static_configs: [{targets: [y]}], basic_auth: {username: u, password: p1}");
  const auto secret = job("", "static_configs: [{targets: [x]}], basic_auth: {username: u, password: p2}");
  const auto global =
      job("sample_limit: 3", "static_configs: [{targets: [x]}], basic_auth: {username: u, password: p1}");
  const auto unused =
      job("evaluation_interval: 3m", "static_configs: [{targets: [x]}], basic_auth: {username: u, password: p1}");
  EXPECT_EQ(first.fingerprint, moved.fingerprint);
  EXPECT_NE(first.sources_fingerprint, moved.sources_fingerprint);
  EXPECT_NE(first.fingerprint, secret.fingerprint);
  EXPECT_EQ(first.sources_fingerprint, secret.sources_fingerprint);
  EXPECT_NE(first.fingerprint, global.fingerprint) << "the default counts where it is in force";
  EXPECT_EQ(first.fingerprint, unused.fingerprint) << "what a job does not take from global leaves it alone";
  EXPECT_THAT(first.shown_yaml, testing::HasSubstr("scrape_interval: 1m"));
  EXPECT_THAT(first.shown_yaml, testing::HasSubstr("- x"));
  EXPECT_THAT(first.shown_yaml, testing::Not(testing::HasSubstr("p1")));
}

TEST(Config, ProblemsAreToldWithPlaceFieldAndWhatWasExpected) {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row kRows[] = {
      {"global:\n  scrape_intervall: 5s\n",
       "dir/prometheus.yml:2:3: global.scrape_intervall: unknown field; did you mean scrape_interval?"},
      {"globl: {}\n", "dir/prometheus.yml:1:1: globl: unknown field; did you mean global?"},
      {"global:\n  scrape_interval: 5x\n", "dir/prometheus.yml:2:20: global.scrape_interval: expected a duration"},
      {"global:\n  scrape_interval: 5s\n  scrape_interval: 6s\n", "given twice"},
      {"scrape_configs:\n  -\n", "scrape_configs[0]: the list item is empty"},
      {"scrape_configs:\n  - job_name: a\n  - job_name: a\n", "there is another job \"a\""},
      {"scrape_configs:\n  - metrics_path: /x\n", "the job needs a name"},
      {"scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ['http://x/y']}]\n",
       "not a host name and port"},
      {"scrape_configs:\n  - job_name: a\n    scrape_interval: 5s\n    scrape_timeout: 6s\n",
       "greater than the scrape interval"},
      {"scrape_configs:\n  - job_name: a\n    native_histogram_min_bucket_factor: NaN\n",
       "native_histogram_min_bucket_factor: is not a number"},
      {"scrape_configs:\n  - job_name: a\n    relabel_configs: [{action: hashmod, source_labels: [x]}]\n", "modulus"},
      {"scrape_configs:\n  - job_name: a\n    basic_auth: {username: a}\n    authorization: {credentials: b}\n",
       "give one of basic_auth, authorization and oauth2"},
      {"storage: {tsdb: {chunk_encoding: {floats: XOR}}}\n", "storage.tsdb.chunk_encoding.floats: expected one of"},
      {"global: {external_labels: {a: !!binary '/w=='}}\n", "not valid UTF-8"},
      {"global: {external_labels: {!!binary '/w==': a}}\n", "not a valid label name"},
      {"storage:\n  tsdb:\n    retention:\n      rules: [{match: 'up{', time: 1d}]\n",
       "dir/prometheus.yml:4:23: storage.tsdb.retention.rules[0].match: expected a series selector"},
      {"storage: {tsdb: {retention: {rules: [{match: '{a=~\"(\"}', time: 1d}]}}}\n", "retention.rules[0].match: "},
      {"storage: {tsdb: {retention: {rules: [{time: 1d}]}}}\n", "rules[0]: the rule needs a field \"match\""},
      {"storage: {tsdb: {retention: {rules: [{match: , time: 1d}]}}}\n", "rules[0].match: the rule needs"},
      {"storage: {tsdb: {retention: {rules: [{match: up}]}}}\n", "rules[0]: the rule needs a field \"time\""},
      {"storage: {tsdb: {retention: {rules: [{match: up, time: 0s}]}}}\n",
       "rules[0].time: the rule needs a field \"time\", a duration greater than 0"},
      {"storage: {tsdb: {retention: {rules: [{match: up, time: 1d, x: 1}]}}}\n", "rules[0].x: unknown field"},
      {"storage: {tsdb: {downsampling: [{after: 1d}]}}\n", "downsampling[0]: the rule needs a field \"resolution\""},
      {"storage: {tsdb: {downsampling: [{resolution: 5m}]}}\n", "downsampling[0]: the rule needs a field \"after\""},
      {"storage: {tsdb: {downsampling: [{after: 1d, resolution: 10m}]}}\n",
       "dir/prometheus.yml:1:57: storage.tsdb.downsampling[0].resolution: expected 5m or 1h"},
      {"storage: {tsdb: {downsampling: [{after: 1d, resolution: 5m, match: '{'}]}}\n",
       "downsampling[0].match: expected a series selector"},
      {"storage: {tsdb: {out_of_order_time_window: 2d, downsampling: [{after: 2d, resolution: 5m}]}}\n",
       "dir/prometheus.yml:1:71: storage.tsdb.downsampling[0].after: must be longer than "
       "storage.tsdb.out_of_order_time_window"},
      {"storage: {tsdb: {out_of_order_time_window: x}}\n", "storage.tsdb.out_of_order_time_window"},
      {"storage: {tsdb: {downsampling: {after: 1d}}}\n", "storage.tsdb.downsampling: expected a list"},
      {"global: [1]\n", "global: expected a mapping of fields, found a list"},
      {"a: b: c\n", "not valid YAML"},
      {"global: {external_labels: {a: !!binary '\xff=='}}\n",
       "dir/prometheus.yml:1:31: expected base64 behind !!binary"},
      {"global: {sample_limit: '5'}\n",
       "dir/prometheus.yml:1:24: global.sample_limit: expected a whole number from 0 to"},
      {"global: {sample_limit: '5'}\n", "found the text \"5\" in quotes"},
      {"global: {extra_scrape_metrics: 'true'}\n", "expected true or false, found the text \"true\" in quotes"},
      {"storage: {tsdb: {retention: {percentage: '5'}}}\n", "expected a number, found the text"},
      {"scrape_configs: [{job_name: a, relabel_configs: [{regex: 'a(b'}]}]\n",
       "dir/prometheus.yml:1:58: scrape_configs[0].relabel_configs[0].regex: "},
      {"scrape_configs: [{job_name: a, relabel_configs: [{action: labeldrop, target_label: x}]}]\n",
       "relabel_configs[0].target_label: relabel action labeldrop does not take 'target_label'"},
  };
  for (const Row& row : kRows) EXPECT_THAT(ErrorOf(row.text), HasSubstr(row.want)) << row.text;
}

TEST(Config, ProblemsAreToldInTheOrderOfTheFile) {
  const std::string error = ErrorOf("zz: 1\notlp: {a: 1}\nglobal: {a: 1}\n");
  EXPECT_LT(error.find(":1:1: zz"), error.find(":2:8: otlp.a"));
  EXPECT_LT(error.find(":2:8: otlp.a"), error.find(":3:10: global.a"));
}

TEST(Config, WholeNumbersAreReadAsYamlSpellsThem) {
  for (const auto& [text, want] : std::map<std::string, std::uint64_t>{{"10", 10},
                                                                       {"1_000", 1000},
                                                                       {"0x1f", 31},
                                                                       {"0o17", 15},
                                                                       {"017", 15},
                                                                       {"0b11", 3},
                                                                       {"5e+2", 500},
                                                                       {"0", 0}}) {
    const auto config = Parse("scrape_configs: [{job_name: a, sample_limit: " + text + "}]\n");
    ASSERT_TRUE(config) << text << ": " << config.error().message();
    EXPECT_EQ(config->jobs[0].limits.samples, want) << text;
  }
  for (const char* const text : {"1.5", "-1", "0x", "1e99", "9223372036854775808", "ten"}) {
    EXPECT_THAT(ErrorOf(std::string("scrape_configs: [{job_name: a, sample_limit: ") + text + "}]\n"),
                HasSubstr("expected a whole number"))
        << text;
  }
}

TEST(Config, WhatIsEmptyAgainstADefaultIsShown) {
  const auto config = Parse(
      "otlp: {label_name_underscore_sanitization: false}\n"
      "scrape_configs: [{job_name: a, relabel_configs: [{separator: '', target_label: x}]}]\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->normal_yaml, HasSubstr("label_name_underscore_sanitization: false"));
  EXPECT_THAT(config->normal_yaml, HasSubstr("separator: \"\""));
}

TEST(Config, ZeroStandsForTheDefault) {
  const auto config = Parse(R"(
global: {scrape_interval: 0s, scrape_timeout: 5s, evaluation_interval: 0s, sample_limit: 7, body_size_limit: 1KB}
scrape_configs: [{job_name: a, scrape_interval: 0s, scrape_timeout: 0s, sample_limit: 0, body_size_limit: 0}]
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->evaluation_interval, 1min);
  EXPECT_EQ(config->jobs[0].interval, 1min);
  EXPECT_EQ(config->jobs[0].timeout, 5s);
  EXPECT_EQ(config->jobs[0].limits.samples, 7U);
  EXPECT_EQ(config->jobs[0].limits.body_size_bytes, 1024U);
}

TEST(Config, ShowsTheProtocolsThatTargetsAreAskedFor) {
  const auto config = Parse(
      "scrape_configs: [{job_name: a, scrape_native_histograms: true}, {job_name: b, scrape_protocols: "
      "[PrometheusText0.0.4]}, {job_name: c}]\n");
  ASSERT_TRUE(config) << config.error().message();
  for (const scraper::ScrapeJobOptions& job : config->jobs) {
    std::string lines = "scrape_protocols:\n";
    for (const scraper::ScrapeProtocol protocol : scraper::ProtocolsOf(job)) {
      lines += fmt::format("- {}\n", scraper::ScrapeProtocolName(protocol));
    }
    EXPECT_THAT(job.shown_yaml, HasSubstr(lines + "metrics_path")) << job.job_name;
    EXPECT_EQ(lines.contains("PrometheusProto"), job.job_name == "a");
  }
}

TEST(Config, FlagsThatNeedProtobufChangeTheProtocolsThatAreShown) {
  base::SimFileSystem files;
  const auto shown = [&](const ReadOptions& options) {
    const auto config = ParseConfig("scrape_configs: [{job_name: a}]\n", "p.yml", files, nullptr, options);
    EXPECT_TRUE(config);
    EXPECT_EQ(config->jobs[0].stores_starts, options.stores_starts);
    EXPECT_EQ(config->jobs[0].writes_zeros_at_starts, options.writes_zeros_at_starts);
    return config->jobs[0].shown_yaml;
  };
  EXPECT_THAT(shown({}), testing::Not(HasSubstr("PrometheusProto")));
  EXPECT_THAT(shown({.stores_starts = true}), HasSubstr("scrape_protocols:\n- PrometheusProto\n- Open"));
  EXPECT_THAT(shown({.writes_zeros_at_starts = true}), HasSubstr("scrape_protocols:\n- PrometheusProto\n- Open"));
}

TEST(Config, AllProblemsAreToldNotOnlyTheFirst) {
  const std::string error = ErrorOf("global:\n  a: 1\n  b: 2\n");
  EXPECT_THAT(error, HasSubstr(":2:3: global.a"));
  EXPECT_THAT(error, HasSubstr(":3:3: global.b"));
}

TEST(Config, ExternalLabelsTakeTheEnvironment) {
  const auto config =
      Parse("global:\n  external_labels:\n    region: x-${REGION}-$REGION\n    cost: $$5\n    no: a${NONE}b\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->external_labels.at("region"), "x-eu-eu");
  EXPECT_EQ(config->external_labels.at("cost"), "$5");
  EXPECT_EQ(config->external_labels.at("no"), "ab");
  EXPECT_THAT(config->warnings, ElementsAre(HasSubstr("NONE is not set")));
}

TEST(Config, SecretsAreNotShown) {
  const auto config = Parse(R"(
scrape_configs:
  - job_name: a
    basic_auth: {username: joe, password: canary1}
    proxy_url: http://u:canary2@proxy:3128
    http_headers: {X-Key: {secrets: [canary3]}}
    tls_config: {cert: c, key: canary4}
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->normal_yaml, testing::Not(HasSubstr("canary")));
  EXPECT_THAT(config->normal_yaml, HasSubstr("<secret>"));
  EXPECT_THAT(config->normal_yaml, HasSubstr("u:xxxxx@proxy:3128"));
}

TEST(Config, WhatIsNotServedYetIsValidAndNamed) {
  const auto config = Parse(R"(
global: {scrape_native_histograms: false}
alerting: {alertmanagers: [{static_configs: [{targets: ["a:1"]}]}]}
rule_files: [a.yml]
remote_write: [{url: "http://x", oauth2: {client_id: a, token_url: b, proxy_url: "socks4://p:1"}}]
remote_read: [{url: "http://x"}]
tracing: {endpoint: "x:1"}
otlp: {promote_scope_metadata: true}
scrape_configs:
  - job_name: a
    oauth2: {client_id: a, token_url: b, proxy_url: "socks4://p:1"}
)");
  ASSERT_TRUE(config) << config.error().message();
  std::vector<std::string> fields;
  for (const Diagnostic& item : config->not_served) fields.push_back(item.field);
  EXPECT_THAT(fields, testing::UnorderedElementsAre("alerting", "rule_files", "remote_write", "remote_read", "tracing",
                                                    "otlp", "scrape_configs[0].oauth2.proxy_url"))
      << "what stands inside a section that is not served is not named again";
  const auto served = CheckServed(*config);
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code(), base::Code::kUnsupported);
  EXPECT_THAT(served.error().message(),
              HasSubstr("dir/prometheus.yml:11:42: scrape_configs[0].oauth2.proxy_url: Prometheus has this field, "
                        "this version of Barograph does not support it yet"));
  EXPECT_TRUE(CheckServed(*Parse("alerting: {alertmanagers: }\nrule_files: []\nremote_write:\notlp:\n")));
}

TEST(Config, ProblemsOfSectionsThatAreNotServedAreToldToo) {
  struct Row {
    const char* text;
    const char* want;
  };
  const Row kRows[] = {
      {"remote_write: [{}]\n", "dir/prometheus.yml:1:16: remote_write[0]: the field \"url\" is needed"},
      {"remote_write: [{url: a, nam: b}]\n", "remote_write[0].nam: unknown field; did you mean name?"},
      {"remote_write: [{url: a, headers: {Authorization: x}}]\n", "use basic_auth, authorization, oauth2, sigv4"},
      {"remote_write: [{url: a, headers: {X-Amz-Date: x}}]\n", "is set by the client"},
      {"remote_write: [{url: a, sigv4: {}, basic_auth: {username: b}}]\n", "basic_auth is there too"},
      {"remote_write: [{url: a, sigv4: {access_key: b}}]\n", "access_key and secret_key go together"},
      {"remote_write: [{url: a, azuread: {}}]\n", "expected one of managed_identity, workload_identity"},
      {"remote_write: [{url: a, azuread: {oauth: {client_id: x, client_secret: y, tenant_id: z}}}]\n",
       "remote_write[0].azuread.oauth.client_id: expected a UUID"},
      {"remote_write: [{url: a, azuread: {sdk: {}, scope: 'a;b'}}]\n", "azuread.scope: expected letters"},
      {"remote_write: [{url: a, queue_config: {min_shards: 9, max_shards: 3}}]\n",
       "queue_config.min_shards: expected at most max_shards, which is 3, found 9"},
      {"remote_write: [{url: a, write_relabel_configs: [{action: keepequal}]}]\n", "write_relabel_configs[0]"},
      {"remote_read: [{url: a, name: x}, {url: b, name: x}]\n", "remote_read[1].name: there is another item"},
      {"remote_read: [{url: a, required_matchers: {'': x}}]\n", "is not a valid label name"},
      {"alerting: {alertmanagers: [{api_version: v1}]}\n", "api_version: expected one of v2, found \"v1\""},
      {"alerting: {alertmanagers: [{static_configs: [{targets: ['http://a']}]}]}\n", "not a host name and port"},
      {"alerting: {alertmanagers: [{sigv4: {}, authorization: {}}]}\n", "oauth2 and sigv4"},
      {"tracing: {client_type: udp, endpoint: a}\n", "tracing.client_type: expected one of grpc, http"},
      {"otlp: {translation_strategy: NoTranslation}\nglobal: {metric_name_validation_scheme: legacy}\n",
       "dir/prometheus.yml:1:30: otlp.translation_strategy: NoTranslation keeps names that"},
      {"rule_files: ['a/*/b']\n", "rule_files: \"a/*/b\""},
      {"runtime: {gogc: x}\n", "runtime.gogc: expected a whole number"},
      {"scrape_configs: [{job_name: a, oauth2: {client_id: a}}]\n", "oauth2: the field \"token_url\" is needed"},
      {"scrape_configs: [{job_name: a, oauth2: {client_id: a, token_url: b, client_secret: c, client_secret_file: "
       "d}}]\n",
       "oauth2.client_secret_file: give one of client_secret, client_secret_file and client_secret_ref"},
      {"scrape_configs: [{job_name: a, no_proxy: a}]\n", "no_proxy: no_proxy needs proxy_url"},
      {"scrape_configs: [{job_name: a, proxy_from_environment: true, proxy_url: 'http://p'}]\n",
       "proxy_url: give proxy_url or proxy_from_environment"},
      {"scrape_configs: [{job_name: a, http_headers: {Host: {values: [a]}}}]\n", "header \"Host\" is set"},
      {"scrape_configs: [{job_name: a, tls_config: {ca: a, ca_file: b}}]\n", "tls_config.ca_file: give one of ca"},
  };
  for (const Row& row : kRows) EXPECT_THAT(ErrorOf(row.text), HasSubstr(row.want)) << row.text;
}

TEST(Config, SectionsHaveTheirDefaults) {
  const auto config = Parse(
      "remote_write: [{url: 'http://x', queue_config: {capacity: 5e+3}}]\n"
      "remote_read: [{url: 'http://x'}]\nalerting: {alertmanagers: [{}]}\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->remote_write[0].queue.capacity, 5000);
  EXPECT_EQ(config->remote_write[0].queue.max_shards, 50);
  EXPECT_FALSE(config->remote_write[0].http.enable_http2);
  EXPECT_EQ(config->remote_write[0].remote_timeout, 30s);
  EXPECT_EQ(config->remote_read[0].remote_timeout, 1min);
  EXPECT_EQ(config->alerting.alertmanagers[0].timeout, 10s);
  EXPECT_EQ(config->otlp.translation_strategy, "UnderscoreEscapingWithSuffixes");
  EXPECT_FALSE(config->tracing);
}

TEST(Config, AnAgentHasNoRulesNoAlertsAndNoRemoteReads) {
  const auto error_of = [](const std::string& text) {
    const auto config = ParseConfig(text, "a.yml", base::RealFileSystem(), {}, {.agent_mode = true});
    return config ? "no error" : config.error().message();
  };
  EXPECT_EQ(error_of("remote_write: [{url: 'http://x'}]\n"), "no error");
  for (const char* const text :
       {"rule_files: [a]\n", "remote_read: [{url: a}]\n", "alerting: {alertmanagers: [{}]}\n"}) {
    EXPECT_THAT(error_of(text), HasSubstr("is not allowed in agent mode")) << text;
  }
}

TEST(Config, ClaimsAreShownAsTheyAre) {
  const auto config = Parse(R"(
scrape_configs:
- job_name: a
  static_configs: [{targets: [a]}]
  oauth2:
    client_id: x
    token_url: "http://a/"
    claims: {zeta: 1, alpha: [true, x, 2.5, "7"], none: null, deep: {b: {}, a: []}}
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->normal_yaml,
              testing::HasSubstr("    claims:\n      alpha:\n      - true\n      - x\n      - 2.5\n"
                                 "      - \"7\"\n      deep:\n        a: []\n        b: {}\n"
                                 "      none: null\n      zeta: 1\n"));
}

TEST(Config, TheNormalFormHasDefaultsAndOrder) {
  const auto config = Parse(R"(
scrape_configs:
  - job_name: a
    relabel_configs: [{source_labels: [x, w], target_label: z}]
    bearer_token: canary
    static_configs: [{targets: ["h:1"], labels: {m: "7"}}]
global: {scrape_interval: 15s, external_labels: {r: $REGION}}
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->normal_yaml, R"(global:
  scrape_interval: 15s
  scrape_timeout: 10s
  scrape_native_histograms: false
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  evaluation_interval: 1m
  external_labels:
    r: eu
runtime:
  gogc: 75
scrape_configs:
- job_name: a
  honor_timestamps: true
  track_timestamps_staleness: false
  scrape_interval: 15s
  scrape_timeout: 10s
  scrape_protocols:
  - OpenMetricsText1.0.0
  - OpenMetricsText0.0.1
  - PrometheusText1.0.0
  - PrometheusText0.0.4
  metrics_path: /metrics
  scheme: http
  enable_compression: true
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  authorization:
    type: Bearer
    credentials: <secret>
  follow_redirects: true
  enable_http2: true
  relabel_configs:
  - source_labels: [x, w]
    separator: ;
    regex: (.*)
    target_label: z
    replacement: $1
    action: replace
  static_configs:
  - targets:
    - h:1
    labels:
      m: "7"
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  label_name_underscore_sanitization: true
  label_name_preserve_multiple_underscores: true
)");
  const auto again = Parse(config->normal_yaml);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->normal_yaml, config->normal_yaml);
}

TEST(Config, SecretsAreNotInMessages) {
  for (const char* const text :
       {"http_headers: {a: {secrets: canary}}", "http_headers: {a: {secrets: [[canary]]}}",
        "proxy_url: 'http://u:%zcanary@h'", "proxy_url: 'http://u:canary@h:x'", "basic_auth: {password: [canary]}",
        "proxy_connect_header: {a: canary}", "bearer_token: canary, bearer_token_file: b",
        "authorization: {credentials: canary, credentials_file: b}"}) {
    const std::string error = ErrorOf(fmt::format("scrape_configs: [{{job_name: a, {}}}]\n", text));
    EXPECT_THAT(error, testing::Not(HasSubstr("no error"))) << text;
    EXPECT_THAT(error, testing::Not(HasSubstr("canary"))) << text;
    EXPECT_THAT(error, testing::Not(HasSubstr("%zc"))) << text;
  }
}

TEST(Config, RelativePathsLeadToTheFilesFolder) {
  const auto config =
      Parse("scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: ['t/*.json', /abs.yml]}]\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->jobs[0].file_discoveries[0].files, ElementsAre("dir/t/*.json", "/abs.yml"));
}

TEST(Config, PatternsOfFilesAreCheckedAndExpanded) {
  base::SimFileSystem files;
  ASSERT_TRUE(files.CreateDirectories("dir/jobs"));
  for (const char* const name : {"b1", "a1", "a2", "ax"}) {
    ASSERT_TRUE(base::WriteFileAtomically(files, fmt::format("dir/jobs/{}.yml", name),
                                          base::AsBytes(fmt::format("scrape_configs:\n  - job_name: {}\n", name))));
  }
  const auto names = [&files](const std::string& pattern) {
    const auto config = ParseConfig(fmt::format("scrape_config_files: ['{}']\n", pattern), "dir/test.yml", files, {});
    EXPECT_TRUE(config) << config.error().message();
    std::vector<std::string> jobs;
    for (const auto& job : config->jobs) jobs.push_back(job.job_name);
    return jobs;
  };
  EXPECT_THAT(names("jobs/*.yml"), ElementsAre("a1", "a2", "ax", "b1"));
  EXPECT_THAT(names("jobs/a[0-9].*l"), ElementsAre("a1", "a2"));
  EXPECT_THAT(names("jobs/none*.yml"), ElementsAre());
  EXPECT_THAT(ErrorOf("scrape_config_files: ['*/a.yml']\n"), HasSubstr("the last part of the path"));
  const std::string file_sd = "scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: ['";
  EXPECT_THAT(ErrorOf(file_sd + "a/[.yml']}]\n"), HasSubstr("is not complete"));
  EXPECT_THAT(ErrorOf(file_sd + "a/*.txt']}]\n"), HasSubstr("does not end in"));
  EXPECT_TRUE(Parse(file_sd + "a/*-[0-9].*.yml']}]\n"));
}

TEST(Config, AnchorsAndMergeKeysWork) {
  const auto config = Parse(R"(
scrape_configs:
  - &base
    job_name: a
    scrape_interval: 3s
  - <<: *base
    job_name: b
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->jobs[1].job_name, "b");
  EXPECT_EQ(config->jobs[1].interval, 3s);
}

TEST(Config, BinaryTextsAreDecodedOnceHoweverOftenTheyAreUsed) {
  const auto config = Parse("global: {external_labels: {a: &x !!binary WVdKag==, b: *x}}\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->external_labels.at("a"), "YWJj");  // itself base64, of abc
  EXPECT_EQ(config->external_labels.at("b"), "YWJj");
}

TEST(Config, TextsThatUnfoldWithoutEndAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(bomb), HasSubstr("more than 1000000 values"));
  EXPECT_THAT(ErrorOf(std::string(200, '[')), testing::AnyOf(HasSubstr("nested deeper"), HasSubstr("not valid YAML")));
}

TEST(Config, RetentionRulesAreReadInTheirOrder) {
  const auto config = Parse(R"(
storage:
  tsdb:
    retention:
      time: 30d
      rules:
        - match: '{job="node", mode!~"idle|iowait"}'
          time: 1y
        - match: go_gc_duration_seconds
          time: 2d
)");
  ASSERT_TRUE(config) << config.error().message();
  const auto& rules = config->storage_rules.retention;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].time, 24h * 365);
  ASSERT_EQ(rules[0].matchers.size(), 2U);
  EXPECT_EQ(rules[0].matchers[1].ToString(), "mode!~\"idle|iowait\"");
  EXPECT_EQ(rules[1].matchers[0].ToString(), "__name__=\"go_gc_duration_seconds\"");
  EXPECT_EQ(config->retention.time, 24h * 30);
}

TEST(Config, DownsamplingRulesAreReadInTheirOrder) {
  const auto config = Parse(R"(
storage:
  tsdb:
    downsampling:
      - after: 30d
        resolution: 5m
      - match: '{job="node"}'
        after: 180d
        resolution: 1h
)");
  ASSERT_TRUE(config) << config.error().message();
  const auto& rules = config->storage_rules.downsampling;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_TRUE(rules[0].matchers.empty());
  EXPECT_EQ(rules[0].after, 24h * 30);
  EXPECT_EQ(rules[0].resolution, 5min);
  EXPECT_EQ(rules[1].matchers[0].ToString(), "job=\"node\"");
  EXPECT_EQ(rules[1].resolution, 1h);
}

TEST(Config, TheOutOfOrderWindowIsADuration) {
  EXPECT_EQ(Parse("storage: {tsdb: {out_of_order_time_window: 90m}}\n")->out_of_order_window, 90min);
  EXPECT_EQ(Parse("storage: {tsdb: {}}\n")->out_of_order_window, 0min);
}

TEST(Config, TheBuiltInConfigurationIsValid) {
  const auto config = Parse(BuiltInConfig("localhost:9090", "/prom"));
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->jobs.size(), 2U);
  EXPECT_EQ(config->jobs[1].metrics_path, "/prom/metrics/node");
}

}  // namespace
}  // namespace baro::config
