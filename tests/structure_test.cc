// Keeps the lines of docs/architecture.md: which folder may include which, where the headers of a
// library may appear, and that files stay short.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace halftone {
namespace {

namespace fs = std::filesystem;

struct Include {
  std::string file;    // from the root, e.g. "nn/graph/graph.cc"
  std::string target;  // as written between the quotes or brackets
};

constexpr const char* kRoots[] = {"base", "nn", "profilers", "search", "server", "client"};

// C++ files below the folders, as paths from the root of the tree.
std::vector<std::string> Sources(const std::vector<std::string>& folders) {
  const fs::path root(HALFTONE_SOURCE_DIR);
  std::vector<std::string> sources;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc") {
        sources.push_back(fs::relative(entry.path(), root));
      }
    }
  }
  return sources;
}

std::vector<std::string> ProductSources() {
  return Sources({std::begin(kRoots), std::end(kRoots)});
}

std::vector<Include> AllIncludes() {
  static const std::regex pattern(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<Include> includes;
  for (const std::string& source : ProductSources()) {
    std::ifstream file(fs::path(HALFTONE_SOURCE_DIR) / source);
    std::string line;
    std::smatch match;
    while (std::getline(file, line)) {
      if (std::regex_search(line, match, pattern)) includes.push_back({source, match[1]});
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

// Every folder that holds sources is a room, with the rooms that it may include beside itself.
// Generated messages are in "halftone/v1".
using Rooms = std::map<std::string, std::vector<std::string>>;
const Rooms& MayInclude() {
  static const Rooms rooms = {
      {"base", {}},
      {"nn/graph", {"base", "nn/graph/operators", "nn/graph/recurrent", "nn/graph/rewrites"}},
      {"nn/graph/quantized", {"base", "nn/graph", "nn/graph/operators", "nn/graph/rewrites"}},
      {"nn/graph/operators", {"base", "nn/graph"}},
      {"nn/graph/recurrent", {"base", "nn/graph", "nn/graph/operators", "nn/graph/rewrites"}},
      {"nn/graph/rewrites", {"base", "nn/graph", "nn/graph/operators"}},
      {"nn/data", {"base", "nn/graph"}},
      {"nn/quant", {"base", "nn/graph"}},
      {"nn/onnx",
       {"base", "nn/graph", "nn/graph/operators", "nn/graph/quantized", "nn/graph/rewrites",
        "nn/quant"}},
      {"nn/engine", {"base", "nn/graph", "nn/quant", "nn/engine/lowering", "nn/engine/ops"}},
      {"nn/engine/ops", {"base", "nn/graph", "nn/quant", "nn/engine"}},
      {"nn/engine/lowering",
       {"base", "nn/graph", "nn/graph/operators", "nn/engine", "nn/engine/ops"}},
      {"nn/engine/onednn",
       {"base", "nn/graph", "nn/quant", "nn/engine", "nn/engine/ops", "nn/engine/onednn/kernels",
        "nn/engine/onednn/plan"}},
      {"nn/engine/onednn/kernels", {"base", "nn/graph", "nn/quant", "nn/engine/ops"}},
      {"nn/engine/onednn/plan",
       {"base", "nn/graph", "nn/graph/operators", "nn/quant", "nn/engine", "nn/engine/lowering",
        "nn/engine/onednn", "nn/engine/onednn/kernels"}},
      {"profilers",
       {"base", "nn/graph", "nn/quant", "profilers/onednn", "profilers/simulated",
        "profilers/table"}},
      {"profilers/onednn", {"base", "nn/graph", "nn/quant", "nn/engine/onednn", "profilers"}},
      {"profilers/simulated", {"base", "nn/graph", "nn/quant", "profilers"}},
      {"profilers/table", {"base", "nn/graph", "nn/quant", "profilers"}},
      {"profilers/remote", {"base", "nn/graph", "nn/quant", "nn/onnx", "profilers", "halftone/v1"}},
      {"search/solver", {"base"}},
      {"search/sensitivity",
       {"base", "nn/graph", "nn/quant", "nn/data", "nn/engine", "nn/engine/ops"}},
      {"search/refine",
       {"base", "nn/quant", "nn/data", "search", "search/sensitivity", "search/solver"}},
      {"search/strategies", {"base", "search/refine", "search/solver"}},
      {"search/crosscheck",
       {"base", "nn/quant", "nn/data", "search", "search/refine", "search/sensitivity"}},
      {"search",
       {"base", "nn/graph", "nn/quant", "nn/data", "nn/onnx", "nn/engine", "nn/engine/onednn",
        "profilers", "profilers/onednn", "search/refine", "search/sensitivity", "search/solver",
        "search/strategies"}},
      {"server/jobs", {"base", "profilers", "search", "search/solver"}},
      {"server/jobs/sqlite", {"base", "server/jobs"}},
      {"server/convert",
       {"base", "halftone/v1", "nn/data", "search", "search/crosscheck", "search/solver",
        "server/jobs"}},
      {"server/services",
       {"base", "halftone/v1", "nn/data", "nn/graph", "nn/onnx", "profilers", "profilers/remote",
        "search", "search/crosscheck", "search/sensitivity", "search/solver", "server/convert",
        "server/jobs"}},
      {"server",
       {"base", "halftone/v1", "nn/data", "nn/graph", "nn/onnx", "profilers", "profilers/remote",
        "search", "search/crosscheck", "server/convert", "server/jobs", "server/jobs/sqlite",
        "server/services"}},
      {"client", {"base", "halftone/v1", "server", "server/jobs"}},
  };
  return rooms;
}

std::string FolderOf(const std::string& path) { return fs::path(path).parent_path(); }

TEST(Structure, EveryFolderOfSourcesIsARoom) {
  std::set<std::string> folders, rooms;
  for (const std::string& source : ProductSources()) folders.insert(FolderOf(source));
  for (const auto& [room, others] : MayInclude()) rooms.insert(room);
  EXPECT_THAT(folders, testing::ContainerEq(rooms));
}

TEST(Structure, FoldersIncludeOnlyWhatStandsBelowThem) {
  const std::vector<std::string> ours = {"base",   "nn",       "profilers", "search",    "server",
                                         "client", "halftone", "tests",     "benchmarks"};
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    if (!UnderAny(include.target, ours)) continue;
    const std::string room = FolderOf(include.file), target = FolderOf(include.target);
    const auto found = MayInclude().find(room);
    const bool may = found != MayInclude().end() &&
                     std::count(found->second.begin(), found->second.end(), target) > 0;
    if (room != target && !may) wrong.push_back(include.file + " includes " + include.target);
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
      {std::regex(R"re(^zip\.h$)re"), {"nn/data"}},
      {std::regex(R"re(^CLI/)re"), {"client", "server", "profilers/remote"}},
      {std::regex(R"re(^spdlog/)re"), {"client", "server", "profilers/remote"}},
      {std::regex(R"re(^Eigen/)re"), {"search/solver", "search/refine", "search/sensitivity"}},
      {std::regex(R"re(dnnl)re"), {"nn/engine/onednn", "profilers/onednn"}},
      {std::regex(R"re(sqlite3)re"), {"server/jobs/sqlite"}},
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

// An answer is checked by code that a mistake in what found it cannot reach. Only the blocks that
// verify_bound.cc suggests, and checks, are the solver's.
TEST(Structure, CheckersShareNothingWithTheSolver) {
  const std::regex checker(
      R"re(search/solver/(certificate|recount|verify_(dual|model|program|quadratic))\.(cc|h))re");
  const std::regex allowed(
      R"re(search/solver/(problem|solution|solver|recount|verify_(dual|model|program|quadratic))\.h)re");
  std::vector<std::string> wrong;
  int checked = 0;
  for (const Include& include : AllIncludes()) {
    if (!std::regex_match(include.file, checker) || !Under(include.target, "search")) continue;
    ++checked;
    if (!std::regex_match(include.target, allowed)) {
      wrong.push_back(include.file + " includes " + include.target);
    }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
  EXPECT_GT(checked, 10);
}

int LinesOf(const std::string& source) {
  std::ifstream file(fs::path(HALFTONE_SOURCE_DIR) / source);
  return static_cast<int>(
      std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
}

// The files that tests/long_files.txt names; one without a reason stays out.
std::set<std::string> FilesWithAReasonToBeLong() {
  std::ifstream list(std::string(HALFTONE_SOURCE_DIR) + "/tests/long_files.txt");
  std::set<std::string> files;
  std::string line;
  std::smatch match;
  static const std::regex pattern(R"re(^([^#:]+): .*[a-z].*$)re");
  while (std::getline(list, line)) {
    if (std::regex_match(line, match, pattern)) files.insert(match[1]);
  }
  return files;
}

TEST(Structure, ALongFileHasAReason) {
  constexpr int kLong = 300;
  std::set<std::string> long_files;
  for (const std::string& source : ProductSources()) {
    if (LinesOf(source) > kLong) long_files.insert(source);
  }
  EXPECT_THAT(long_files, testing::ContainerEq(FilesWithAReasonToBeLong()));
}

// Of suites, too, which grow with their cases.
TEST(Structure, NoFileIsTooLongToRead) {
  constexpr int kTooLong = 600;
  std::vector<std::string> sources = ProductSources(), too_long;
  for (const std::string& source : Sources({"tests", "benchmarks"})) sources.push_back(source);
  for (const std::string& source : sources) {
    if (LinesOf(source) > kTooLong) too_long.push_back(source);
  }
  EXPECT_THAT(too_long, testing::IsEmpty());
}

TEST(Structure, TheTreeIsThere) { EXPECT_GT(AllIncludes().size(), 100u); }

}  // namespace
}  // namespace halftone
