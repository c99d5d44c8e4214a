#include "client/result_copies.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/files.h"

namespace halftone {
namespace {

namespace fs = std::filesystem;

// In the folder of copies that come from a server: the server.
constexpr char kServerFile[] = ".server";

// Names come from a service: none may lead out of the folder of results.
bool IsJobId(absl::string_view id) {
  return !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  });
}

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(fs::symlink_status(path, error));
}

}  // namespace

ResultCopies::ResultCopies(const std::string& state_directory)
    : root_(absl::StrCat(state_directory, "/results")) {}

std::string ResultCopies::FolderOf(const std::string& job) const {
  return absl::StrCat(root_, "/", job.substr(job.rfind('/') + 1));
}

absl::Status ResultCopies::NoteSource(const std::string& job, const std::string& server) const {
  const std::string folder = FolderOf(job), path = absl::StrCat(folder, "/", kServerFile);
  if (!IsFolder(folder)) return absl::OkStatus();
  if (!server.empty()) return WriteFileAtomically(path, server + "\n");
  std::error_code error;
  fs::remove(path, error);
  return error ? ErrnoToStatus(error.value(), "cannot remove", path) : absl::OkStatus();
}

std::vector<std::string> ResultCopies::OwnJobs() const {
  std::vector<std::string> jobs;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const std::string id = it->path().filename();
    if (!IsJobId(id) || !IsFolder(it->path())) continue;
    std::error_code none;
    if (!fs::exists(it->path() / kServerFile, none)) jobs.push_back(absl::StrCat("jobs/", id));
  }
  return jobs;
}

absl::StatusOr<std::vector<std::string>> ResultCopies::Remove(
    const std::vector<std::string>& jobs) const {
  std::vector<std::string> removed;
  absl::Status status;
  for (const std::string& job : jobs) {
    absl::string_view id = job;
    if (!absl::ConsumePrefix(&id, "jobs/") || !IsJobId(id)) continue;
    const std::string folder = FolderOf(job);
    if (!IsFolder(folder)) continue;
    std::error_code error;
    fs::remove_all(folder, error);
    if (!error) removed.push_back(folder);
    // One folder that resists does not keep the others.
    if (error) status.Update(ErrnoToStatus(error.value(), "cannot remove the copies in", folder));
  }
  if (!status.ok()) return status;
  return removed;
}

}  // namespace halftone
