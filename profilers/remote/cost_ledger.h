#ifndef HALFTONE_PROFILERS_REMOTE_COST_LEDGER_H_
#define HALFTONE_PROFILERS_REMOTE_COST_LEDGER_H_

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "halftone/v1/profiler_service.pb.h"
#include "profilers/cost_profiler.h"
#include "profilers/cost_table.h"

namespace halftone {

// The costs of one model on one device, as a profiler delivers them: only what was asked for, each
// row once, all figures finite and not negative. A value type; not thread-safe.
class CostLedger {
 public:
  // `request` is borrowed, with its layers.
  explicit CostLedger(const ProfileRequest& request) : request_(&request) {}

  // Reads what Serialize() wrote, perhaps for other precisions of the same model and device. What
  // cannot be read is as if it were not there.
  void Restore(const std::string& text);
  std::string Serialize() const;

  // A new stream begins: it may repeat edges and whole networks, but no rows.
  void BeginStream();
  // Enters the costs of a message. DATA_LOSS names the row that is wrong, and what is wrong with
  // it; the ledger is then not to be used any more.
  absl::Status Add(const v1::ProfileResponse& response, const Origin& origin);
  // The stream was ended by `done`: DATA_LOSS names rows that are missing.
  absl::Status EndStream(double fixed_latency_ns);

  // Whether nothing has to be asked for.
  bool IsComplete() const;
  // Whether any row was measured while the profiler's machine was busy (kDisturbedWarning).
  bool IsDisturbed() const;
  // The rows of the request that are here, and how many it asks for.
  std::vector<std::pair<std::string, Precision>> Known() const;
  size_t wanted() const { return request_->layers->layers.size() * request_->precisions.size(); }

  // The table of the request; to be called when it is complete. Rows are in the order of layers and
  // precisions; the network's latency is the sum of rows, edges and the fixed part.
  CostTable ToTable(std::string target, DeviceInfo device) const;

 private:
  using RowKey = std::pair<std::string, Precision>;
  using EdgeKey = std::tuple<std::string, std::string, Precision, Precision>;

  absl::Status AddRow(const v1::LayerCost& message, const Origin& origin);
  absl::Status AddEdge(const v1::EdgeCost& message);
  absl::Status AddNetwork(const v1::NetworkCost& message);
  absl::StatusOr<Precision> AskedPrecision(const std::string& text) const;
  absl::Status CheckLayer(const std::string& name) const;

  const ProfileRequest* request_;
  std::map<RowKey, CostRow> rows_;
  std::map<EdgeKey, EdgeRow> edges_;
  std::map<Precision, double> measured_;
  double fixed_latency_ns_ = 0;
  // The sets of precisions among which all edges are known.
  std::set<std::set<Precision>> finished_;
  // Of the stream that is being read.
  std::set<EdgeKey> stream_edges_;
  std::set<Precision> stream_network_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_COST_LEDGER_H_
