#include "server/convert/resource_name.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr size_t kMaxIdBytes = 63;
constexpr size_t kMaxFileBytes = 255;
constexpr absl::string_view kIdForm = "the id of lower-case letters, digits and '-', 63 at most";

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                  absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
         });
}

bool IsSha256Text(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
         });
}

bool IsFileName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxFileBytes && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '/';
         });
}

absl::Status Malformed(absl::string_view name, absl::string_view form) {
  return WithReason(v1::NAME_MALFORMED, absl::InvalidArgumentError(absl::StrCat(
                                            Quoted(name), " is not a name of the form ", form)));
}

absl::StatusOr<std::string> ParseHashName(absl::string_view name, absl::string_view collection) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 2 || parts[0] != collection || !IsSha256Text(parts[1])) {
    return Malformed(name, absl::StrCat(collection, "/{sha256}, of 64 digits 0 to 9 and a to f"));
  }
  return std::string(parts[1]);
}

}  // namespace

std::string JobName(absl::string_view id) { return absl::StrCat("jobs/", id); }
std::string ModelName(absl::string_view sha256) { return absl::StrCat("models/", sha256); }
std::string DatasetName(absl::string_view sha256) { return absl::StrCat("datasets/", sha256); }
std::string TargetFileName(absl::string_view sha256) { return absl::StrCat("targets/", sha256); }
std::string ArtifactName(absl::string_view job_id, absl::string_view file) {
  return absl::StrCat("jobs/", job_id, "/artifacts/", file);
}

absl::StatusOr<std::string> ParseJobName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 2 || parts[0] != "jobs" || !IsId(parts[1])) {
    return Malformed(name, absl::StrCat("jobs/{id}, ", kIdForm));
  }
  return std::string(parts[1]);
}

absl::StatusOr<std::string> ParseModelName(absl::string_view name) {
  return ParseHashName(name, "models");
}

absl::StatusOr<std::string> ParseDatasetName(absl::string_view name) {
  return ParseHashName(name, "datasets");
}

absl::StatusOr<std::string> ParseTargetFileName(absl::string_view name) {
  return ParseHashName(name, "targets");
}

absl::StatusOr<ArtifactId> ParseArtifactName(absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != "jobs" || !IsId(parts[1]) || parts[2] != "artifacts" ||
      !IsFileName(parts[3])) {
    return Malformed(name, absl::StrCat("jobs/{id}/artifacts/{file name}, ", kIdForm));
  }
  return ArtifactId{std::string(parts[1]), std::string(parts[3])};
}

}  // namespace halftone
