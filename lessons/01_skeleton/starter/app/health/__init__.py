"""What a load balancer or an orchestrator asks: is this service alive, and ready for requests?"""
