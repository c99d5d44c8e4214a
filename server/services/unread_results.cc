#include "server/services/unread_results.h"

#include <algorithm>
#include <string>
#include <utility>

namespace halftone {
namespace {

size_t SizeOf(const AnalysisDocument& document) {
  return document.json.size() + document.arrays_npz.size();
}

std::string Piece(const std::string& text, size_t begin, size_t max_bytes) {
  return begin < text.size() ? text.substr(begin, max_bytes) : "";
}

}  // namespace

std::shared_ptr<UnreadResults::Reader> UnreadResults::Keep(AnalysisDocument document) {
  const std::shared_ptr<Reader> reader(new Reader(this, std::move(document)));
  absl::MutexLock lock(&mutex_);
  bytes_ += SizeOf(*reader->document_);
  readers_.push_front(reader.get());
  while (bytes_ > max_bytes_ && readers_.size() > 1) LetGo(readers_.back());
  return reader;
}

void UnreadResults::Touch(Reader* reader) {
  readers_.splice(readers_.begin(), readers_, std::find(readers_.begin(), readers_.end(), reader));
}

void UnreadResults::LetGo(Reader* reader) {
  bytes_ -= SizeOf(*reader->document_);
  reader->document_.reset();
  readers_.remove(reader);
}

UnreadResults::Reader::~Reader() {
  absl::MutexLock lock(&results_->mutex_);
  if (document_.has_value()) results_->LetGo(this);
}

absl::StatusOr<std::optional<AnalysisDocument>> UnreadResults::Reader::Next(size_t max_bytes) {
  absl::MutexLock lock(&results_->mutex_);
  if (!document_.has_value()) {
    return absl::ResourceExhaustedError(
        "the result was not read for long, and others needed the memory that it took: ask again");
  }
  if (begin_ >= std::max(document_->json.size(), document_->arrays_npz.size())) return std::nullopt;
  results_->Touch(this);
  AnalysisDocument piece{Piece(document_->json, begin_, max_bytes),
                         Piece(document_->arrays_npz, begin_, max_bytes)};
  begin_ += max_bytes;
  return piece;
}

}  // namespace halftone
