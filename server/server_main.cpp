// main() of `barograph`: command line, logging, signals.

#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/open_files.h"
#include "server/flags/flags.h"
#include "server/server.h"
#include "server/version.h"
#include "tsdb/storage.h"

namespace {

// As Prometheus: 1 for failures, 2 for a wrong command line or configuration.
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

/// Signals that the process waits for, blocked in all threads so that they arrive here alone.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of its write
  return signals;
}

int Run(baro::server::Flags flags, const sigset_t& signals) {
  using baro::base::LogFormat;
  const auto level = baro::base::ParseLogLevel(flags.Text("log.level"));
  if (!level) {
    std::fprintf(stderr, "--log.level: expected debug, info, warn or error, found \"%s\"\n",
                 flags.Text("log.level").c_str());
    return kExitUsage;
  }
  const std::string format = flags.Text("log.format");
  if (format != "logfmt" && format != "json") {
    std::fprintf(stderr, "--log.format: expected logfmt or json, found \"%s\"\n", format.c_str());
    return kExitUsage;
  }
  if (const std::string sync = flags.Text("storage.log.sync"); !baro::tsdb::ParseLogSync(sync)) {
    std::fprintf(stderr, "--storage.log.sync: expected always, interval or os, found \"%s\"\n", sync.c_str());
    return kExitUsage;
  }
  const baro::base::Logger log(
      baro::base::MakeStderrSink(*level, format == "json" ? LogFormat::kJson : LogFormat::kLogfmt));
  for (const std::string& feature : flags.unknown_features()) {
    log.Warn("unknown option for --enable-feature", {{"option", feature}});
  }
  baro::base::RaiseOpenFilesLimit();  // each target is a connection
  log.Info("starting Barograph", {{"version", baro::server::kVersion}});
  const auto server = baro::server::Server::Start(std::move(flags), log);
  if (!server) {
    log.Error("cannot start", {{"err", server.error().message()}});
    const auto code = server.error().code();
    const bool is_usage = code == baro::base::Code::kInvalidArgument || code == baro::base::Code::kUnsupported;
    return is_usage ? kExitUsage : kExitFailure;
  }
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGHUP) {
      log.Info("signal received", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
      return 0;
    }
    static_cast<void>((*server)->Reload());  // it logs what went wrong
  }
}

}  // namespace

int main(int argc, char** argv) {
  const sigset_t signals = BlockSignals();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  auto flags = baro::server::Flags::Parse(arguments);
  if (!flags) {
    const bool is_answer = flags.error().code() == baro::base::Code::kCancelled;
    std::fprintf(is_answer ? stdout : stderr, "%s\n", flags.error().message().c_str());
    return is_answer ? 0 : kExitUsage;
  }
  return Run(*std::move(flags), signals);
}
