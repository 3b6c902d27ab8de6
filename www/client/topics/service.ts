// The service itself: version, health, memory, analyzers.

import type {
  CheckHealthResponse,
  GetMemoryUsageReq,
  GetMemoryUsageResponse,
  GetVersionResponse,
  RunAnalyzerRequest,
  RunAnalyzerResponse,
} from '../types/index.js';
import { Snapshots } from './snapshot.js';

export class Service extends Snapshots {
  async getVersion(): Promise<GetVersionResponse> {
    await this.connected();
    return this.call('GetVersion', {});
  }

  async checkHealth(): Promise<CheckHealthResponse> {
    await this.connected();
    return this.call('CheckHealth', {});
  }

  /** Browser only: the bytes that loaded collections and their workers hold. */
  async getMemoryUsage(data: GetMemoryUsageReq = {}): Promise<GetMemoryUsageResponse> {
    return this.call('GetMemoryUsage', data, data);
  }

  async runAnalyzer(data: RunAnalyzerRequest): Promise<RunAnalyzerResponse> {
    const { text, analyzer_params, ...rest } = data;
    const body = {
      ...rest,
      analyzer_params: analyzer_params ? JSON.stringify(analyzer_params) : '',
      placeholder: (Array.isArray(text) ? text : [text]).map(String),
    };
    return this.call('RunAnalyzer', body, data);
  }
}
