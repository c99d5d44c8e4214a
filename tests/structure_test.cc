// Keeps the lines of docs/architecture.md: which folder may include which, and where the headers
// of a library may appear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace halftone {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;    // from the root, e.g. "nn/graph/graph.cc"
  std::string target;  // as written between the quotes or brackets
};

std::vector<Include> AllIncludes() {
  static const std::regex pattern(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> includes;
  const fs::path root(HALFTONE_SOURCE_DIR);
  for (const char* room : {"base", "nn", "profilers", "search", "server", "client"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      std::ifstream file(entry.path());
      std::string line;
      std::smatch match;
      while (std::getline(file, line)) {
        if (std::regex_search(line, match, pattern)) {
          includes.push_back({fs::relative(entry.path(), root), match[1]});
        }
      }
    }
  }
  return includes;
}

bool Under(const std::string& path, const std::string& folder) {
  return path.rfind(folder + "/", 0) == 0;
}

bool UnderAny(const std::string& path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(),
                     [&](const std::string& folder) { return Under(path, folder); });
}

// The longest key of `rules` that `path` is under, or "".
std::string RoomOf(const std::string& path,
                   const std::map<std::string, std::vector<std::string>>& rules) {
  std::string room;
  for (const auto& [folder, allowed] : rules) {
    if (Under(path, folder) && folder.size() > room.size()) room = folder;
  }
  return room;
}

TEST(Structure, FoldersIncludeOnlyWhatStandsBelowThem) {
  const std::map<std::string, std::vector<std::string>> may_include = {
      {"base", {"base"}},
      {"nn/graph", {"nn/graph", "base"}},
      {"nn/data", {"nn/data", "nn/graph", "base"}},
      {"nn/quant", {"nn/quant", "nn/graph", "base"}},
      {"nn/onnx", {"nn/onnx", "nn/graph", "nn/quant", "base"}},
      {"nn/engine", {"nn/engine", "nn/graph", "nn/quant", "base"}},
      {"profilers", {"profilers", "nn/graph", "nn/quant", "base"}},
      {"profilers/onednn", {"profilers", "nn/engine", "nn/graph", "nn/quant", "base"}},
      {"profilers/remote", {"profilers", "nn/graph", "nn/onnx", "nn/quant", "base", "proto"}},
      {"search/solver", {"search/solver", "base"}},
      {"search/sensitivity", {"search/sensitivity", "nn", "base"}},
      {"search", {"search", "profilers", "nn", "base"}},
      {"server", {"server", "search", "profilers", "nn", "base", "proto"}},
      {"client", {"client", "proto", "base", "server"}},
  };
  const std::vector<std::string> ours = {"base",   "nn",     "profilers", "search",
                                         "server", "client", "proto"};
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    if (!UnderAny(include.target, ours)) continue;
    const std::string room = RoomOf(include.file, may_include);
    if (!UnderAny(include.target, may_include.at(room))) {
      wrong.push_back(include.file + " includes " + include.target);
    }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
}

TEST(Structure, LibrariesStayInTheirRooms) {
  struct Rule {
    std::regex header;
    std::vector<std::string> rooms;
  };
  const std::vector<Rule> rules = {
      {std::regex(R"re(\.pb\.h$|^grpc)re"), {"server", "client", "profilers/remote", "nn/onnx"}},
      {std::regex(R"re(^grpc)re"), {"server", "client", "profilers/remote"}},
      {std::regex(R"re(^onnx/)re"), {"nn/onnx"}},
      {std::regex(R"re(^Eigen/)re"), {"search/solver", "search/refine", "search/sensitivity"}},
      {std::regex(R"re(dnnl)re"), {"nn/engine/onednn", "profilers/onednn"}},
      {std::regex(R"re(sqlite3)re"), {"server/jobs"}},
  };
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    for (const Rule& rule : rules) {
      if (std::regex_search(include.target, rule.header) && !UnderAny(include.file, rule.rooms)) {
        wrong.push_back(include.file + " includes " + include.target);
      }
    }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
}

TEST(Structure, TheTreeIsThere) { EXPECT_GT(AllIncludes().size(), 100u); }

}  // namespace
}  // namespace halftone
