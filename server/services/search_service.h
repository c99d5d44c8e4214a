#ifndef HALFTONE_SERVER_SERVICES_SEARCH_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_SEARCH_SERVICE_H_

#include <atomic>

#include "halftone/v1/search_service.grpc.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// The thin edge over the job store: see search_service.proto for what each call promises.
class SearchService final : public v1::SearchService::CallbackService {
 public:
  explicit SearchService(const ServiceContext* context) : context_(context) {}

  // Ends every WatchJob with UNAVAILABLE, now and from now on.
  void StopWatching();

  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
                                      const v1::CreateJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request, v1::Job* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override;
  grpc::ServerWriteReactor<v1::JobEvent>* WatchJob(grpc::CallbackServerContext* context,
                                                   const v1::WatchJobRequest* request) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* DeleteJob(grpc::CallbackServerContext* context,
                                      const v1::DeleteJobRequest* request,
                                      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* GetResult(grpc::CallbackServerContext* context,
                                      const v1::GetResultRequest* request,
                                      v1::SearchResult* response) override;
  grpc::ServerUnaryReactor* GetFrontier(grpc::CallbackServerContext* context,
                                        const v1::GetFrontierRequest* request,
                                        v1::GetFrontierResponse* response) override;
  grpc::ServerUnaryReactor* ReSolve(grpc::CallbackServerContext* context,
                                    const v1::ReSolveRequest* request,
                                    v1::ReSolveResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* DownloadArtifact(
      grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) override;

 private:
  const ServiceContext* context_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_SEARCH_SERVICE_H_
