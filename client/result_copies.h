#ifndef HALFTONE_CLIENT_RESULT_COPIES_H_
#define HALFTONE_CLIENT_RESULT_COPIES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace halftone {

// The copies of results that `search`, `watch` and `result` leave where they are given no folder:
// in results/ID under a state directory. They are the client's, whichever service ran the job, and
// go when it is told that the job goes. What stands elsewhere is never touched.
class ResultCopies {
 public:
  explicit ResultCopies(const std::string& state_directory);

  // Of the job of that resource name.
  std::string FolderOf(const std::string& job) const;
  // Notes that the copies of a job, if there are any, are those of a server, whose jobs the state
  // directory does not know; or, with `server` empty, of the state directory's own service.
  absl::Status NoteSource(const std::string& job, const std::string& server) const;
  // Jobs of the state directory's own service that there are copies of, in no order.
  std::vector<std::string> OwnJobs() const;
  // Removes the copies of these jobs; the folders that are gone. What is no job's name is passed
  // over. An error names a folder that stays.
  absl::StatusOr<std::vector<std::string>> Remove(const std::vector<std::string>& jobs) const;

 private:
  const std::string root_;
};

}  // namespace halftone

#endif  // HALFTONE_CLIENT_RESULT_COPIES_H_
