// Thousands of scrape targets in one cheap process, each on a port of loopback, which note when they were asked.
//
//   scrape_targets <first port> <targets> <series> <file>
//
// Says READY when all listen, ends when its input does, and then writes the arrivals to the file: microseconds since
// the epoch and the target's number, both as 64 bits of this machine. A body takes a few microseconds: the names are
// written once, of the values a third move.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <time.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct Arrival {
  std::int64_t time_us;
  std::int64_t target;
};

struct Connection {
  std::int64_t target = 0;
  std::string in;
  std::string out;
  std::size_t sent = 0;
  bool waits_to_write = false;
};

std::int64_t NowUs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

void Check(bool is_good, const char* doing) {
  if (is_good) return;
  std::perror(doing);
  std::exit(1);
}

// Each target needs a listener and a connection, more than a shell allows by default.
void AllowManySockets() {
  rlimit limit{};
  Check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  Check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

// All of a line up to its value, for each series; comments stand before the first of a family.
std::vector<std::string> MakeHeads(std::size_t series) {
  constexpr std::size_t kFamilySize = 4;
  std::vector<std::string> heads;
  for (std::size_t i = 0; i < series; ++i) {
    const std::string name = "fleet_family_" + std::to_string(i / kFamilySize) + "_bytes_total";
    std::string head;
    if (i % kFamilySize == 0) {
      head = "# HELP " + name + " What one device of a fleet has done.\n# TYPE " + name + " counter\n";
    }
    heads.push_back(head + name + "{device=\"eth" + std::to_string(i % kFamilySize) + "\"} ");
  }
  return heads;
}

class Fleet {
 public:
  Fleet(int first_port, std::size_t targets, std::size_t series)
      : heads_(MakeHeads(series)), asked_(targets), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < targets; ++i) Listen(first_port + static_cast<int>(i), i);
    Watch(STDIN_FILENO, EPOLLIN);
  }

  // Until the input ends.
  void Serve() {
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == STDIN_FILENO) return;
        if (const auto listener = listeners_.find(event.data.fd); listener != listeners_.end()) {
          Accept(listener->first, listener->second);
        } else {
          Go(event.data.fd, event.events);
        }
      }
    }
  }

  const std::vector<Arrival>& arrivals() const { return arrivals_; }

 private:
  void Watch(int socket, std::uint32_t what, int operation = EPOLL_CTL_ADD) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = socket;
    Check(epoll_ctl(epoll_, operation, socket, &event) == 0, "epoll_ctl");
  }

  void Listen(int port, std::size_t target) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    Check(listener >= 0, "socket (see `ulimit -n`)");
    const int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Check(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    Check(listen(listener, 16) == 0, "listen");
    Watch(listener, EPOLLIN);
    listeners_[listener] = static_cast<std::int64_t>(target);
  }

  void Accept(int listener, std::int64_t target) {
    while (true) {
      const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) return;
      const int one = 1;
      setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      auto connection = std::make_unique<Connection>();
      connection->target = target;
      connections_[accepted] = std::move(connection);
      Watch(accepted, EPOLLIN);
    }
  }

  void Go(int socket, std::uint32_t events) {
    const auto found = connections_.find(socket);
    if (found == connections_.end()) return;
    Connection& connection = *found->second;
    bool is_open = true;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) is_open = Read(socket, connection);
    if (is_open) is_open = Write(socket, connection);
    if (is_open) return;
    close(socket);
    connections_.erase(socket);
  }

  bool Read(int socket, Connection& connection) {
    std::array<char, 8192> piece;
    const ssize_t size = recv(socket, piece.data(), piece.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    connection.in.append(piece.data(), static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = connection.in.find("\r\n\r\n")) != std::string::npos;) {
      connection.in.erase(0, end + 4);
      arrivals_.push_back({.time_us = NowUs(), .target = connection.target});
      Answer(connection);
    }
    return connection.in.size() < (std::size_t{1} << 16);
  }

  void Answer(Connection& connection) {
    const auto target = static_cast<std::uint64_t>(connection.target);
    const std::uint64_t asked = ++asked_[target];
    body_.clear();
    std::array<char, 24> digits;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      const std::uint64_t seed = (target * 7919 + i * 104'729) % 1'000'003;
      const std::uint64_t value = seed * 4096 + (i % 3 == 0 ? asked * (1 + seed % 900) * 512 : 0);
      const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
      body_ += heads_[i];
      body_.append(digits.data(), end);
      body_ += '\n';
    }
    connection.out += "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ";
    connection.out += std::to_string(body_.size());
    connection.out += "\r\n\r\n";
    connection.out += body_;
  }

  bool Write(int socket, Connection& connection) {
    while (connection.sent < connection.out.size()) {
      const ssize_t size =
          send(socket, connection.out.data() + connection.sent, connection.out.size() - connection.sent, MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (size < 0 && errno == EAGAIN) {
        if (!connection.waits_to_write) Watch(socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        connection.waits_to_write = true;
        return true;
      }
      if (size > 0) connection.sent += static_cast<std::size_t>(size);
    }
    if (connection.waits_to_write) Watch(socket, EPOLLIN, EPOLL_CTL_MOD);
    connection.waits_to_write = false;
    connection.out = {};  // thousands of connections that wait hold no bodies
    connection.sent = 0;
    return true;
  }

  std::vector<std::string> heads_;
  std::vector<std::uint64_t> asked_;
  std::vector<Arrival> arrivals_;
  std::string body_;
  int epoll_;
  std::unordered_map<int, std::int64_t> listeners_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: scrape_targets <first port> <targets> <series> <file>\n", stderr);
    return 2;
  }
  AllowManySockets();
  Fleet fleet(std::atoi(argv[1]), std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10));
  std::puts("READY");
  std::fflush(stdout);
  fleet.Serve();
  std::FILE* const file = std::fopen(argv[4], "wb");
  Check(file != nullptr, argv[4]);
  const auto& arrivals = fleet.arrivals();
  Check(std::fwrite(arrivals.data(), sizeof(Arrival), arrivals.size(), file) == arrivals.size(), argv[4]);
  Check(std::fclose(file) == 0, argv[4]);
  return 0;
}
