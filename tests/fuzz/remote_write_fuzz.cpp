// fuzz: remote
// Bodies of any bytes: as they are, and past snappy: no crash, no other answer than 204 and 400.
#include <snappy.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/idle_executor.h"
#include "base/sim_clock.h"
#include "base/sim_file_system.h"
#include "remote/write_receiver.h"
#include "tsdb/storage.h"

namespace {}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  baro::base::SimFileSystem files;
  const baro::base::SimClock clock;
  baro::base::IdleExecutor executor;
  baro::base::Registry registry;
  const auto storage = baro::tsdb::Storage::Open(
      {.directory = "d", .retention = std::chrono::milliseconds(0), .series_max = 10'000},
      {.files = files, .clock = clock, .background = executor, .metrics = registry, .log = {}});
  if (!storage) std::abort();
  baro::remote::WriteReceiver receiver({.push_access = baro::remote::PushAccess::kEverybody},
                                       {.storage = **storage, .registry = registry, .log = {}, .hash_seed = 1});
  baro::net::HttpRequest request;
  if ((data[0] & 1) == 0) {
    request.body = input;
  } else {
    snappy::Compress(input.data(), input.size(), &request.body);
  }
  // The second time the series are known, and their samples are there.
  for (int round = 0; round < 2; ++round) {
    const int status = receiver.Handle(request).status;
    if (status != 204 && status != 400) std::abort();
  }
  return 0;
}
