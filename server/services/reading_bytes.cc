#include "server/services/reading_bytes.h"

#include "base/json_memory.h"
#include "base/memory_reservation.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/onnx/import.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

// Of a table: its text, its document if it is JSON, and the rows made of either.
double TargetFileReadingBytes(const std::string& bytes) {
  constexpr double kRows = 16, kDocuments = 2;
  return kRows * static_cast<double>(bytes.size()) + kDocuments * JsonBytes(CountJson(bytes));
}

absl::StatusOr<double> ReadingBytesOf(ContentKind kind, const std::string& bytes) {
  switch (kind) {
    case ContentKind::kModel:
      if (const auto files = ParseManifest(bytes); files.ok()) return FilesReadingBytes(*files);
      return WithReason(v1::MODEL_INVALID, ModelReadingBytes(bytes));
    case ContentKind::kDataset:
      return WithReason(v1::DATASET_INVALID, NpzReadingBytes(bytes));
    case ContentKind::kTargetFile:
      break;
  }
  return TargetFileReadingBytes(bytes);
}

}  // namespace

// What is stored, what is read into tensors, and what is made of those.
double FilesReadingBytes(const std::vector<ModelFile>& files) {
  constexpr double kCopies = 3;
  double bytes = 0;
  for (const ModelFile& file : files) bytes += static_cast<double>(file.size_bytes);
  return kCopies * bytes;
}

absl::StatusOr<double> ReadingBytes(ContentKind kind, int64_t size,
                                    const std::function<absl::StatusOr<std::string>()>& load,
                                    absl::Duration patience, const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const MemoryReservation room,
                      MemoryReservation::Take(static_cast<double>(size), patience, cancellation));
  HT_ASSIGN_OR_RETURN(const std::string bytes, load());
  return ReadingBytesOf(kind, bytes);
}

}  // namespace halftone
