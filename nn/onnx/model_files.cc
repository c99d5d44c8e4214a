#include "nn/onnx/model_files.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

constexpr size_t kHashDigits = 64;
static_assert(kMaxManifestBytes >=
              static_cast<int64_t>(kMaxModelFiles * (kMaxExternalPathBytes + kHashDigits + 23)));
constexpr int64_t kReadBytes = int64_t{4} << 20;

bool IsHash(absl::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string LineOf(const ModelFile& file) {
  return absl::StrCat(file.path, " ", file.size_bytes, " ", file.sha256, "\n");
}

// A path may have spaces in it.
std::optional<ModelFile> ParseLine(absl::string_view line) {
  const size_t hash = line.rfind(' ');
  if (hash == absl::string_view::npos || hash == 0) return std::nullopt;
  const size_t size = line.rfind(' ', hash - 1);
  if (size == absl::string_view::npos) return std::nullopt;
  ModelFile file;
  file.path = std::string(line.substr(0, size));
  file.sha256 = std::string(line.substr(hash + 1));
  const bool has_size = absl::SimpleAtoi(line.substr(size + 1, hash - size - 1), &file.size_bytes);
  const absl::StatusOr<std::string> path = NormalizedPath(file.path);
  if (!has_size || file.size_bytes < 0 || !IsHash(file.sha256) || !path.ok() ||
      *path != file.path) {
    return std::nullopt;
  }
  return file;
}

// The files beside a model that hold elements of its tensors, each once and in order.
absl::StatusOr<std::vector<std::string>> FilesBeside(const std::vector<std::string>& locations) {
  std::set<std::string> paths;
  for (const std::string& location : locations) {
    HT_ASSIGN_OR_RETURN(std::string path, NormalizedPath(location));
    paths.insert(std::move(path));
  }
  if (paths.size() < kMaxModelFiles) return std::vector<std::string>(paths.begin(), paths.end());
  return absl::ResourceExhaustedError(
      absl::StrCat("the model's tensors lie in more than ", kMaxModelFiles - 1, " files"));
}

std::vector<std::string> PathsBut(const ExternalContents::Files& contents,
                                  const std::string& path) {
  std::vector<std::string> paths;
  for (const auto& [name, content] : contents) {
    if (name != path) paths.push_back(name);
  }
  return paths;
}

// Those that may be a model first: by their name, then the small ones, since weights are large.
std::vector<std::string> Candidates(const ExternalContents::Files& contents) {
  std::vector<std::string> paths = PathsBut(contents, "");
  const auto rank = [&](const std::string& path) {
    return std::pair(!absl::EndsWith(path, ".onnx"), contents.at(path)->size());
  };
  std::stable_sort(paths.begin(), paths.end(),
                   [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
  return paths;
}

// What of the two lists is not in both, for a message.
absl::Status Mismatch(const std::string& model, const std::vector<std::string>& needed,
                      const std::vector<std::string>& given) {
  for (const std::string& path : needed) {
    if (!std::binary_search(given.begin(), given.end(), path)) {
      return absl::InvalidArgumentError(absl::StrCat("tensors of '", model, "' lie in '", path,
                                                     "', which did not come with the model"));
    }
  }
  for (const std::string& path : given) {
    if (!std::binary_search(needed.begin(), needed.end(), path)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", path, "' came with the model, but no tensor of '", model, "' lies there"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HashOf(const ExternalFolder& folder, const std::string& path,
                                   int64_t size) {
  Sha256 hash;
  for (int64_t begin = 0; begin < size; begin += kReadBytes) {
    HT_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                        folder.Read({path, begin, std::min(kReadBytes, size - begin)}));
    hash.Update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return hash.FinishHex();
}

}  // namespace

std::string ManifestOf(const std::vector<ModelFile>& files) {
  std::vector<std::string> lines;
  lines.reserve(files.size());
  for (const ModelFile& file : files) lines.push_back(LineOf(file));
  std::sort(lines.begin(), lines.end());
  std::string manifest;
  for (const std::string& line : lines) manifest += line;
  return manifest;
}

bool IsManifest(absl::string_view bytes) { return ParseManifest(bytes).ok(); }

absl::StatusOr<std::vector<ModelFile>> ParseManifest(absl::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError("not a list of a model's files");
  // Most of what is looked at is an ONNX file of any size.
  if (static_cast<int64_t>(text.size()) > kMaxManifestBytes || text.size() <= kHashDigits ||
      text.back() != '\n' || !IsHash(text.substr(text.size() - 1 - kHashDigits, kHashDigits))) {
    return malformed;
  }
  text.remove_suffix(1);
  std::vector<ModelFile> files;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    std::optional<ModelFile> file = ParseLine(line);
    if (!file.has_value() || files.size() == kMaxModelFiles) return malformed;
    files.push_back(*std::move(file));
  }
  return files;
}

absl::StatusOr<Graph> ImportModelFiles(const ExternalContents::Files& contents) {
  absl::Status mismatch = absl::InvalidArgumentError("none of the model's files is an ONNX model");
  for (const std::string& path : Candidates(contents)) {
    const std::string& bytes = *contents.at(path);
    const absl::StatusOr<std::vector<std::string>> locations = ExternalLocationsOf(bytes);
    if (absl::IsResourceExhausted(locations.status())) return locations.status();
    if (!locations.ok()) {
      if (absl::EndsWith(path, ".onnx")) mismatch = Annotate(locations.status(), path);
      continue;
    }
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> needed, FilesBeside(*locations));
    const absl::Status matches = Mismatch(path, needed, PathsBut(contents, path));
    if (matches.ok()) {
      ExternalContents::Files others = contents;
      others.erase(path);
      return ImportOnnx(bytes,
                        {.external_data = std::make_shared<ExternalContents>(std::move(others))});
    }
    if (!needed.empty()) return matches;
    mismatch = matches;
  }
  return mismatch;
}

absl::StatusOr<std::vector<ModelFile>> FindModelFiles(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, ImportOptions().max_model_bytes));
  const absl::StatusOr<std::vector<std::string>> locations = ExternalLocationsOf(bytes);
  // What is wrong with the model itself, who reads it says.
  if (!locations.ok() || locations->empty()) return std::vector<ModelFile>();
  const absl::StatusOr<std::vector<std::string>> others = FilesBeside(*locations);
  if (!others.ok()) return Annotate(others.status(), absl::StrCat("'", path, "'"));
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const ExternalFolder folder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
  HT_ASSIGN_OR_RETURN(const std::string own, NormalizedPath(name));
  std::vector<ModelFile> files = {{own, static_cast<int64_t>(bytes.size()), Sha256Hex(bytes)}};
  for (const std::string& other : *others) {
    ModelFile& file = files.emplace_back();
    file.path = other;
    absl::StatusOr<int64_t> size = folder.Size(other);
    if (!size.ok()) return Annotate(size.status(), absl::StrCat("'", path, "'"));
    file.size_bytes = *size;
    HT_ASSIGN_OR_RETURN(file.sha256, HashOf(folder, other, file.size_bytes));
  }
  return files;
}

}  // namespace halftone
