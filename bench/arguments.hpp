#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <weft/base/lane_name.hpp>

namespace weft::bench {

struct Arguments {
  Lane lane = Lane::kAuto;
  int rounds = 15;
  bool tiny = false;
};

inline std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown processor";
}

/// --lane tcp|tls, --rounds N, --tiny (two short rounds of everything: run among the tests). Prints machine and
/// parameters; ends the program where the arguments do not read.
inline Arguments parse(int argc, char** argv) {
  Arguments arguments;
  const auto usage = [&] {
    fmt::print(stderr, "usage: {} [--lane tcp|tls] [--rounds N] [--tiny]\n", argv[0]);
    std::exit(2);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--tiny") {
      arguments.tiny = true;
      arguments.rounds = 2;
    } else if (argument == "--lane") {
      const auto lane = parse_lane(value);
      if (!lane) usage();
      arguments.lane = *lane;
      ++i;
    } else if (argument == "--rounds") {
      char* end = nullptr;
      const long rounds = std::strtol(value, &end, 10);
      if (*value == 0 || *end != 0 || rounds < 1 || rounds > 1'000'000) usage();
      arguments.rounds = static_cast<int>(rounds);
      ++i;
    } else {
      usage();
    }
  }
  fmt::print("machine: {}, {} cores; lane {}, {} rounds{}\n", cpu_model(), std::thread::hardware_concurrency(),
             to_string(arguments.lane), arguments.rounds, arguments.tiny ? ", tiny" : "");
  return arguments;
}

}  // namespace weft::bench
