#include "server/server.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/compute_pool.h"
#include "base/directory_watcher.h"
#include "base/executor.h"
#include "base/metrics.h"
#include "base/random.h"
#include "config/config.h"
#include "exporters/node_exporter.h"
#include "net/dns_client.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/io_threads.h"
#include "net/tcp_network.h"
#include "query/engine.h"
#include "remote/write_receiver.h"
#include "scraper/scrape_manager.h"
#include "server/api/api.h"
#include "server/journal/query_journal.h"
#include "server/machine_memory.h"
#include "server/own_metrics.h"
#include "server/version.h"
#include "server/web/web.h"
#include "tsdb/storage.h"

namespace baro::server {
namespace {

using base::Code;
using base::Fail;

constexpr std::chrono::seconds kShutdownGrace{10};
constexpr std::chrono::hours kDefaultRetention{15 * 24};  // as Prometheus
// What may take long in storage leaves the disk to queries and to the log.
constexpr std::uint64_t kBackgroundBytesPerSecond = std::uint64_t{64} << 20;
// Handlers that wait for the disk. One sync serves all that wait for it, so a slow disk takes as many pushes at a time.
constexpr base::ComputePool::Options kBlockingPool{.threads = 16, .queue_length_max = 256};

std::optional<std::string> ProcessEnvironment(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): never set by us
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

/// "/prometheus" of --web.external-url=https://example.org/prometheus/, or "".
base::Result<std::string> ExternalPath(const Flags& flags) {
  const std::string url = flags.Text("web.external-url");
  if (url.empty()) return std::string();
  const auto parsed = net::ParseUrl(url);
  if (!parsed) return std::unexpected(parsed.error().WithContext("--web.external-url"));
  std::string path = parsed->target.substr(0, parsed->target.find('?'));
  while (path.ends_with('/')) path.pop_back();
  return path;
}

std::string PortOf(const std::string& address) { return address.substr(address.rfind(':') + 1); }

std::string HostName() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return host;
}

/// How others reach this server, which listens on `address`. Shape  the flag is a URL, as ExternalPath() found.
OwnAddress MakeOwnAddress(const Flags& flags, const std::string& address) {
  const std::string port_text = PortOf(address);
  std::uint16_t port = 0;
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  const std::string url = flags.Text("web.external-url");
  if (url.empty()) return {.external = {.scheme = "http", .host = HostName(), .port = port}, .port = port};
  return {.external = net::ParseUrl(url).value(), .port = port};
}

/// Spreads the scrapes of servers that have the same targets; stable over restarts.
std::uint64_t PhaseSeed(const config::Config& config) {
  std::uint64_t seed = scraper::Fnv1a(HostName());
  for (const auto& [name, value] : config.external_labels) seed = scraper::Fnv1a(value, scraper::Fnv1a(name, seed));
  return seed;
}

/// Of all queries together; the rest is for storage, and for answers on their way.
std::size_t QueryMemoryMax(const Flags& flags) {
  constexpr std::uint64_t kPercent = 40;
  if (flags.IsGiven("query.max-memory-total")) return flags.Size("query.max-memory-total");
  return UsableMemory(base::RealFileSystem()) / 100 * kPercent;
}

query::EngineOptions MakeEngineOptions(const Flags& flags) {
  return {.timeout = flags.Duration("query.timeout"),
          .samples_max = static_cast<std::size_t>(flags.Integer("query.max-samples")),
          .lookback = flags.Duration("query.lookback-delta"),
          .concurrency_max = static_cast<std::size_t>(flags.Integer("query.max-concurrency")),
          .memory_bytes_max = flags.Size("query.max-memory"),
          .memory_bytes_total_max = QueryMemoryMax(flags),
          .features = {.experimental_functions = flags.HasFeature("promql-experimental-functions"),
                       .extended_range_selectors = flags.HasFeature("promql-extended-range-selectors"),
                       .binop_fill_modifiers = flags.HasFeature("promql-binop-fill-modifiers"),
                       .delayed_name_removal = flags.HasFeature("promql-delayed-name-removal"),
                       .type_and_unit_labels = flags.HasFeature("type-and-unit-labels"),
                       .use_start_timestamps = flags.HasFeature("use-start-timestamps")}};
}

constexpr std::string_view kAcceptedMessages = "web.remote-write-receiver.accepted-protobuf-messages";

base::Result<> CheckAcceptedMessages(const Flags& flags) {
  for (const std::string& name : flags.Texts(kAcceptedMessages)) {
    if (name == "prometheus.WriteRequest" || name == "io.prometheus.write.v2.Request") continue;
    return Fail(Code::kInvalidArgument,
                fmt::format("--{}={}: want prometheus.WriteRequest or io.prometheus.write.v2.Request",
                            kAcceptedMessages, name));
  }
  return {};
}

bool AcceptsWriteV1(const Flags& flags) {
  const auto& names = flags.Texts(kAcceptedMessages);
  return names.empty() || std::ranges::find(names, "prometheus.WriteRequest") != names.end();
}

}  // namespace

class Server::Impl {
 public:
  Impl(Flags flags, base::Logger log, model::Matcher origins, std::string external_path)
      : flags_(std::move(flags)),
        log_(std::move(log)),
        external_path_(std::move(external_path)),
        state_(base::RealClock(), flags_.All(), std::move(origins)),
        query_metrics_(registry_),
        query_log_(base::RealFileSystem(), base::RealClock(), registry_, log_),
        node_({}, base::RealFileSystem(), base::RealClock()),
        executor_(std::max<std::size_t>(pool_.threads(), 2)),
        router_(flags_.Text("web.route-prefix").empty() ? external_path_ : flags_.Text("web.route-prefix")) {}

  ~Impl() { Stop(); }

  base::Result<> Start() {
    config::Config config;
    if (flags_.IsGiven("config.file")) config = BARO_TRY(LoadConfig());
    AddRoutes();
    BARO_TRY(Listen());
    if (!flags_.IsGiven("config.file")) config = BARO_TRY(LoadConfig());
    BARO_TRY(OpenStorage(config));
    OpenJournal();
    engine_.emplace(
        MakeEngineOptions(flags_),
        query::EngineResources{
            .source = storage_.get(), .pool = &pool_, .clock = &base::RealClock(), .observer = &*query_journal_});
    StartScraping(config);
    BARO_TRY(Apply(config));
    MakeWriteReceiver();
    state_.SetReady(*storage_, *engine_, *scraping_, *write_receiver_);
    log_.Info("ready", {{"address", server_->addresses().front()}, {"jobs", config.jobs.size()}});
    if (flags_.Bool("config.auto-reload")) ScheduleAutoReload();
    return {};
  }

  base::Result<> Reload() {
    const base::MutexLock lock(reload_mutex_);
    auto reloaded = LoadAndApply();
    ActiveConfig active = state_.config();
    active.last_reload_ok = reloaded.has_value();
    if (!reloaded) {
      state_.SetConfig(std::move(active));
      log_.Error("the configuration was not reloaded; the old one stays in force",
                 {{"err", reloaded.error().message()}});
      return std::unexpected(reloaded.error());
    }
    LogReload(*reloaded);
    return {};
  }

  const std::vector<std::string>& addresses() const { return server_->addresses(); }

 private:
  void AddRoutes() {
    AddApi(router_, state_, query_metrics_, registry_, flags_.Bool("web.enable-admin-api"));
    AddHealthRoutes(router_, state_);
    AddMetricsRoutes(router_, registry_, node_);
    const auto quit = [] { kill(getpid(), SIGTERM); };  // raise() would signal this thread, where it is blocked
    AddLifecycleRoutes(router_, flags_.Bool("web.enable-lifecycle"),
                       {.reload = [this] { return Reload(); }, .quit = quit});
    AddUiRoutes(router_, flags_.Text("web.external-url").empty() ? router_.prefix() : external_path_,
                base::RealRandom());
    AddOwnMetrics(registry_, base::RealFileSystem(), state_);
  }

  base::Result<> Listen() {
    net::HttpServerOptions options{.listen_addresses = flags_.Texts("web.listen-address"),
                                   .idle_timeout = flags_.Duration("web.read-timeout"),
                                   .connections_max = static_cast<std::size_t>(flags_.Integer("web.max-connections"))};
    if (options.listen_addresses.empty()) options.listen_addresses = {"0.0.0.0:9090"};
    server_ = BARO_TRY(net::HttpServer::Start(std::move(options), {.router = &router_,
                                                                   .threads = &io_,
                                                                   .pool = &pool_,
                                                                   .blocking_pool = &blocking_pool_,
                                                                   .registry = &registry_,
                                                                   .log = log_}));
    state_.set_own_address(MakeOwnAddress(flags_, server_->addresses().front()));
    for (const std::string& address : server_->addresses()) log_.Info("listening", {{"address", address}});
    return {};
  }

  base::Result<config::Config> LoadConfig() {
    auto& files = base::RealFileSystem();
    const config::ReadOptions options{.stores_starts = flags_.HasFeature("st-storage"),
                                      .writes_zeros_at_starts = flags_.HasFeature("created-timestamp-zero-ingestion")};
    auto config = flags_.IsGiven("config.file")
                      ? config::LoadConfig(flags_.Text("config.file"), files, ProcessEnvironment, options)
                      : config::ParseConfig(config::BuiltInConfig("localhost:" + PortOf(server_->addresses().front()),
                                                                  router_.prefix()),
                                            "built-in configuration", files, ProcessEnvironment, options);
    if (!config) return config;
    BARO_TRY(config::CheckServed(*config));
    for (const std::string& warning : config->warnings) log_.Warn("configuration", {{"warning", warning}});
    return config;
  }

  base::Result<scraper::JobChanges> LoadAndApply() {
    if (!state_.is_ready()) return Fail(Code::kUnavailable, "the server is starting or stopping; reload again then");
    const config::Config config = BARO_TRY(LoadConfig());
    return Apply(config);
  }

  base::Result<> OpenStorage(const config::Config& config) {
    tsdb::StorageOptions options{.directory = DataDirectory(),
                                 .sync_interval = flags_.Duration("storage.log.sync-interval"),
                                 .replay_progress = state_.shared_replay()};
    options.retention = RetentionOf(config);
    options.exemplars_max = config.exemplars_max;
    options.block_range = flags_.Duration("storage.tsdb.min-block-duration");
    options.block_range_max = flags_.Duration("storage.tsdb.max-block-duration");
    options.lateness_max = options.block_range / 2;
    options.out_of_order_window = config.out_of_order_window;
    options.log_sync = tsdb::ParseLogSync(flags_.Text("storage.log.sync")).value_or(tsdb::LogSync::kInterval);
    options.background_bytes_per_second = kBackgroundBytesPerSecond;
    storage_ = BARO_TRY(tsdb::Storage::Open(options, {.files = base::RealFileSystem(),
                                                      .clock = base::RealClock(),
                                                      .background = executor_,
                                                      .metrics = registry_,
                                                      .log = log_,
                                                      .maintenance = &maintenance_}));
    return {};
  }

  /// Shape  storage is open: the directory is there, and ours.
  void OpenJournal() {
    active_queries_.emplace(base::RealFileSystem(), DataDirectory() + "/queries.running", base::RealClock(), log_);
    LogUnfinished(*active_queries_, log_);
    state_.set_active_queries(*active_queries_);
    query_journal_.emplace(*active_queries_, query_log_);
  }

  std::string DataDirectory() const {
    std::string directory = flags_.Text("storage.tsdb.path");
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    return directory;
  }

  /// What the configuration says, then the flags; 15 days if neither says anything.
  tsdb::RetentionLimits RetentionOf(const config::Config& config) const {
    tsdb::RetentionLimits limits{.time = config.retention.time.value_or(flags_.Duration("storage.tsdb.retention.time")),
                                 .bytes = config.retention.bytes.value_or(flags_.Size("storage.tsdb.retention.size")),
                                 .percent = config.retention.percent.value_or(0)};
    limits.rules = std::make_shared<const tsdb::StorageRules>(config.storage_rules);
    if (limits.time.count() == 0 && limits.bytes == 0 && limits.percent == 0) limits.time = kDefaultRetention;
    return limits;
  }

  void StartScraping(const config::Config& config) {
    const scraper::ScrapeSettings settings{
        .adjust_timestamps = flags_.Bool("scrape.adjust-timestamps"),
        .timestamp_tolerance = flags_.Duration("scrape.timestamp-tolerance"),
        .discovery_reload_interval = flags_.Duration("scrape.discovery-reload-interval"),
        .phase_seed = PhaseSeed(config),
        .hash_seed = base::RealRandom().NextU64()};
    scraping_.emplace(
        scraper::ScrapeDependencies{
            .clock = base::RealClock(),
            .executor = executor_,
            .files = base::RealFileSystem(),
            .storage = *storage_,
            .registry = registry_,
            .make_fetcher = net::MakeHttpClientFactory(
                {.threads = &io_, .executor = &executor_, .user_agent = fmt::format("Barograph/{}", kVersion)}),
            .environment = [](const std::string& name) { return ProcessEnvironment(name).value_or(""); },
            .dns = dns_.get(),
            .directories = directories_.get(),
            .network = &network_,
            .log = log_},
        settings);
  }

  void MakeWriteReceiver() {
    remote::WriteReceiverOptions options;
    if (flags_.IsGiven("web.enable-remote-write-receiver")) {
      options.push_access = flags_.Bool("web.enable-remote-write-receiver") ? remote::PushAccess::kEverybody
                                                                            : remote::PushAccess::kNobody;
    } else {
      options.push_access = remote::DefaultPushAccess(server_->addresses());
    }
    options.accepts_v1 = AcceptsWriteV1(flags_);
    write_receiver_.emplace(
        options,
        remote::WriteReceiverParts{
            .storage = *storage_, .registry = registry_, .log = log_, .hash_seed = base::RealRandom().NextU64()});
  }

  void LogReload(const scraper::JobChanges& changes) const {
    const auto names = [](const std::vector<std::string>& jobs) { return fmt::format("{}", fmt::join(jobs, ", ")); };
    log_.Info("configuration reloaded", {{"file", flags_.Text("config.file")},
                                         {"jobs_added", names(changes.added)},
                                         {"jobs_changed", names(changes.changed)},
                                         {"jobs_retargeted", names(changes.retargeted)},
                                         {"jobs_removed", names(changes.removed)},
                                         {"jobs_unchanged", changes.unchanged}});
  }

  base::Result<scraper::JobChanges> Apply(const config::Config& config) {
    std::vector<scraper::ScrapeJobOptions> jobs = config.jobs;
    for (scraper::ScrapeJobOptions& job : jobs) {
      job.synthesizes_starts = flags_.HasFeature("st-synthesis");
      job.adds_type_and_unit = flags_.HasFeature("type-and-unit-labels");
    }
    // What can fail comes first and changes nothing, so that a reload is done whole or not at all.
    auto query_log_file = BARO_TRY(query_log_.OpenFile(config.query_log_file));
    scraper::JobChanges changes = BARO_TRY(scraping_->Apply(jobs));
    query_log_.Use(std::move(query_log_file), config.query_log_file);
    storage_->SetRetention(RetentionOf(config));
    storage_->SetOutOfOrderWindow(config.out_of_order_window);
    storage_->SetExemplarsMax(config.exemplars_max);
    engine_->SetSubqueryStep(config.evaluation_interval);
    config_files_ = config.files;
    files_hash_ = HashFiles();
    state_.SetConfig({.config_yaml = config.normal_yaml,
                      .external_labels = config.external_labels,
                      .last_reload_ok = true,
                      .last_success = base::RealClock().Now()});
    return changes;
  }

  /// Over the content of all files that the configuration is made of.
  std::uint64_t HashFiles() const {
    std::uint64_t hash = scraper::Fnv1a("");
    for (const std::string& path : config_files_) {
      constexpr std::size_t kBytesMax = 16 * 1024 * 1024;
      hash = scraper::Fnv1a(base::ReadFile(base::RealFileSystem(), path, kBytesMax).value_or("unreadable"), hash);
    }
    return hash;
  }

  void ScheduleAutoReload() {
    const auto interval =
        std::max<std::chrono::milliseconds>(flags_.Duration("config.auto-reload-interval"), std::chrono::seconds(1));
    executor_.PostAfter(interval, [this] {
      if (state_.is_stopping()) return;
      bool has_changed = false;
      {
        const base::MutexLock lock(reload_mutex_);
        const std::uint64_t hash = HashFiles();
        has_changed = hash != files_hash_;
        files_hash_ = hash;  // a bad change is told once, not at every look
      }
      if (has_changed) static_cast<void>(Reload());  // it logs, counts and shows what went wrong
      ScheduleAutoReload();
    });
  }

  void Stop() {
    state_.SetStopping();
    log_.Info("stopping");
    if (scraping_) scraping_->Stop();
    if (server_) server_->Shutdown(kShutdownGrace);
    if (storage_) {
      if (const auto closed = storage_->Close(); !closed) {
        log_.Error("storage did not close well", {{"err", closed.error().message()}});
      }
    }
    maintenance_.Stop();
    executor_.Stop();  // nothing of scraping runs any more
  }

  // In the order of construction; what is below borrows what is above.
  const Flags flags_;
  const base::Logger log_;
  const std::string external_path_;
  base::Registry registry_;
  ApiState state_;
  QueryMetrics query_metrics_;
  QueryLog query_log_;
  exporters::NodeExporter node_;
  base::ComputePool pool_;
  base::ComputePool blocking_pool_{kBlockingPool};
  base::ThreadExecutor executor_;
  net::IoThreads io_{2};  // after the executor, to which it hands callbacks until it ends
  net::TcpNetwork network_{io_};
  std::unique_ptr<base::DirectoryWatcher> directories_ = base::MakeDirectoryWatcher();
  std::unique_ptr<net::DnsClient> dns_ = net::MakeDnsClient({.executor = &executor_});
  base::ThreadExecutor maintenance_{2};  // of storage: one joins blocks while one looks for damage
  net::Router router_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<tsdb::Storage> storage_;
  std::optional<ActiveQueries> active_queries_;
  std::optional<QueryJournal> query_journal_;
  std::optional<query::Engine> engine_;
  std::optional<scraper::ScrapeManager> scraping_;
  std::optional<remote::WriteReceiver> write_receiver_;
  base::Mutex reload_mutex_;               // outermost
  std::vector<std::string> config_files_;  // under reload_mutex_ once started
  std::uint64_t files_hash_ = 0;           // under reload_mutex_ once started
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

base::Result<std::unique_ptr<Server>> Server::Start(Flags flags, base::Logger log) {
  const std::string pattern = flags.Text("web.cors.origin");
  auto origins = model::Matcher::Make(model::MatchType::kRegex, "Origin", pattern);
  if (!origins) return std::unexpected(origins.error().WithContext("--web.cors.origin"));
  std::string external_path = BARO_TRY(ExternalPath(flags));
  BARO_TRY(CheckAcceptedMessages(flags));
  auto impl = std::make_unique<Impl>(std::move(flags), std::move(log), *std::move(origins), std::move(external_path));
  BARO_TRY(impl->Start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

base::Result<> Server::Reload() { return impl_->Reload(); }
const std::vector<std::string>& Server::addresses() const { return impl_->addresses(); }

}  // namespace baro::server
